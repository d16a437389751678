import { SET_BACK } from '../../core/send-limits.ts';

/** For what is worth nothing after a crash: nobody waits for the disk. Local to the statement's own transaction. */
export const WITHOUT_DISK = `set_config('synchronous_commit', 'off', true)`;

/** In SQL: true for a moment of before the clock was set back (`SET_BACK`). `mostMs` as SQL, too; without end is meant so. */
export const setBack = (moment: string, mostMs: string | number) =>
  `(${moment} > clock_timestamp() + ${SET_BACK} * (${mostMs}) * interval '1 ms' AND ${moment} <> 'infinity')`;
