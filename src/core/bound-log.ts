import type { Log, LogFields } from './ports/observation.ts';

/** A log whose every line has these fields, before its own. */
export function boundLog(log: Log, bound: LogFields): Log {
  return {
    debug: (message, fields) => log.debug(message, { ...bound, ...fields }),
    info: (message, fields) => log.info(message, { ...bound, ...fields }),
    warn: (message, fields) => log.warn(message, { ...bound, ...fields }),
    error: (message, fields) => log.error(message, { ...bound, ...fields }),
  };
}
