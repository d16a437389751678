/** Stands for the salon's own calendar. */
export const SERVICES: ReadonlyMap<string, string> = new Map([
  ['cut', 'Haircut'],
  ['colour', 'Colour'],
  ['beard', 'Beard'],
]);

export const DAYS: ReadonlyMap<string, string> = new Map([
  ['tue', 'Tuesday'],
  ['wed', 'Wednesday'],
  ['thu', 'Thursday'],
  ['fri', 'Friday'],
]);

const OPENS = 9;
const CLOSES = 17;

/** By day and time: who has it. */
const taken = new Map<string, string>([['tue 09:00', 'somebody else']]);

/** `9`, `9:30`, `09.30` → `09:30`; undefined for what is no time, or not one at which the salon begins something. */
export function timeOf(text: string): string | undefined {
  const [, hours, minutes = '00'] = /^\s*(\d{1,2})(?:[:.](\d{2}))?\s*$/.exec(text) ?? [];
  const isOpen = Number(hours) >= OPENS && Number(hours) < CLOSES;
  return isOpen && ['00', '30'].includes(minutes) ? `${String(hours).padStart(2, '0')}:${minutes}` : undefined;
}

/** False if somebody else has it. The same `by` again gets the same answer: so a handler may ask twice. */
export async function reserve(slot: string, by: string): Promise<boolean> {
  const holder = taken.get(slot) ?? by;
  taken.set(slot, holder);
  return holder === by;
}

export async function release(slot: string): Promise<void> {
  taken.delete(slot);
}
