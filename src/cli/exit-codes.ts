/** What every command ends with. */
export const EXIT = {
  done: 0,
  failed: 1,
  /** Wrong arguments or settings. */
  usage: 2,
  /** The command worked and found problems. */
  problems: 3,
  /** The service, its database or the local Meta cannot be reached. */
  unreachable: 4,
  alreadyRunning: 7,
  timeout: 124,
} as const;
