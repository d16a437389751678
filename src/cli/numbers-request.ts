import type { ValuesOf, Wrong } from './store-command.ts';

export const USAGE = `Shows the numbers that messages are sent from, and stops them or lets them send again.

  npm run numbers -- list                          all that were sent from or written to
  npm run numbers -- stop 106540352242922          nothing is sent from it; its messages wait, none is lost
  npm run numbers -- resume 106540352242922        it sends again, what waited at once

  --json                one JSON document instead of lines

A number is named by its phone number ID. It looks at the database at DATABASE_URL, or at the embedded one in DATA_DIR while no
service has it open; it works beside the service, and all processes follow within a second.
Exit code 0: done; 1: the number is not (or already) stopped, or the database cannot be used; 2: the arguments or settings make
no sense; 4: the database does not answer; 7: a service has it open.
`;

export type Request =
  | { readonly verb: 'list'; readonly json: boolean }
  | { readonly verb: 'stop' | 'resume'; readonly phoneNumberId: string; readonly json: boolean };

export const OPTIONS = { json: { type: 'boolean' } } as const;

export function readRequest({ json = false }: ValuesOf<typeof OPTIONS>, words: readonly string[]): Request | Wrong {
  const [verb, phoneNumberId, ...more] = words;
  switch (verb) {
    case 'list':
      return phoneNumberId === undefined ? { verb, json } : { wrong: 'list takes no number.' };
    case 'stop':
    case 'resume': {
      const wrong = wrongNumber(verb, phoneNumberId, more);
      return wrong === undefined ? { verb, phoneNumberId: phoneNumberId ?? '', json } : { wrong };
    }
    case undefined:
      return { wrong: 'Say list, stop or resume.' };
    default:
      return { wrong: `There is no "${verb}": say list, stop or resume.` };
  }
}

function wrongNumber(verb: string, phoneNumberId: string | undefined, more: readonly string[]): string | undefined {
  if (phoneNumberId === undefined || more.length > 0) return `Say which number to ${verb}: one phone number ID.`;
  if (!/^\d{1,32}$/.test(phoneNumberId))
    return 'A phone number ID has digits only; it is not the phone number: see list.';
  return undefined;
}
