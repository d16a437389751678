import type { FailpointName } from './failpoint.ts';
import type { Arming, Death } from './scenario.ts';

/**
 * What a process does to itself when it gets to a failpoint.
 *
 * - `kill` at the nth time: SIGKILL, as a crash or the kernel's memory killer
 * - `freeze` at the nth time: nothing runs for `ms`, as a blocked event loop or SIGSTOP
 * - `throw` every nth time: the call that is watched fails
 */
export interface FailpointSetting {
  readonly name: FailpointName;
  /** From 1. */
  readonly nth: number;
  readonly action: 'kill' | 'freeze' | 'throw';
  /** How long it freezes. */
  readonly ms?: number;
}

const FORM = /^([a-z\d-]+):([1-9]\d*)(?::(kill|throw|freeze)(?::(\d+))?)?$/;

/** `<name>:<nth>`, with `:throw` or `:freeze:<ms>` at the end for another action. */
export function readFailpoint(text: string): FailpointSetting {
  const [, name, nth, action = 'kill', ms] = FORM.exec(text) ?? [];
  if (name === undefined || (action === 'freeze') !== (ms !== undefined))
    throw new Error('WAHOOK_FAILPOINT is not <name>:<nth>, <name>:<nth>:throw or <name>:<nth>:freeze:<ms>');
  return {
    name: name as FailpointName,
    nth: Number(nth),
    action: action as FailpointSetting['action'],
    ...(ms !== undefined && { ms: Number(ms) }),
  };
}

/** What a process writes before it kills itself: whatever else ends it by SIGKILL, such as a lack of memory, is no hit. */
export function lastWords(name: string, pid: number): string {
  return `process ${pid} kills itself at the failpoint ${name}\n`;
}

/** It died at the failpoint that it was armed with. */
export function isHit({ armed, pid, signal, isOurs, output }: Death): boolean {
  const setting = armed.env?.['WAHOOK_FAILPOINT'];
  if (setting === undefined || signal !== 'SIGKILL' || isOurs) return false;
  return output.includes(lastWords(readFailpoint(setting).name, pid));
}

const PRELOAD = new URL('./failpoint-preload.ts', import.meta.url).href;

/** Flags and variables that arm a process. */
export function armWith({ name, nth, action, ms }: FailpointSetting): Required<Arming> {
  const setting = [name, nth, action, ...(ms === undefined ? [] : [ms])].join(':');
  return { nodeArgs: ['--import', PRELOAD], env: { WAHOOK_FAILPOINT: setting } };
}
