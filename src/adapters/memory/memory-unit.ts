import type { Unit } from '../../core/ports.ts';

/** What is to be stored at the end of the units that this folder handed out. */
const pending = new WeakMap<Unit, (() => void)[]>();

/** A unit of work in memory: what joins it is stored when `commitUnit` is called, or never. */
export function newUnit(): Unit {
  const unit = Object.freeze({}) as Unit;
  pending.set(unit, []);
  return unit;
}

/** Has `store` called when the unit commits; false if the unit comes from another store, so that nothing can join it. */
export function joinUnit(unit: Unit, store: () => void): boolean {
  const stores = pending.get(unit);
  stores?.push(store);
  return stores !== undefined;
}

export function commitUnit(unit: Unit): void {
  for (const store of pending.get(unit) ?? []) store();
  pending.delete(unit);
}
