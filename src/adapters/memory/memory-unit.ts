import type { Unit } from '../../core/ports/receiving.ts';

interface Joined {
  readonly commit: () => void;
  readonly rollBack: () => void;
}

/** What has joined the units that this folder handed out. */
const pending = new WeakMap<Unit, Joined[]>();

/** A unit of work in memory: what joins it happens when `commitUnit` is called, or never. */
export function newUnit(): Unit {
  const unit = Object.freeze({}) as Unit;
  pending.set(unit, []);
  return unit;
}

/**
 * Has `commit` called when the unit commits, and `rollBack` if it does not, for what cannot wait and has to be undone. False
 * if the unit comes from another store, so that nothing can join it.
 */
export function joinUnit(unit: Unit, commit: () => void, rollBack: () => void = () => {}): boolean {
  const joined = pending.get(unit);
  joined?.push({ commit, rollBack });
  return joined !== undefined;
}

export function commitUnit(unit: Unit): void {
  for (const { commit } of pending.get(unit) ?? []) commit();
  pending.delete(unit);
}

export function rollBackUnit(unit: Unit): void {
  for (const { rollBack } of pending.get(unit)?.reverse() ?? []) rollBack();
  pending.delete(unit);
}
