/**
 * Loaded before the service by `--import`: makes the process do something to itself when it gets to a failpoint for the nth time.
 *
 *     WAHOOK_FAILPOINT=accept-written:3 node --import ./torture/failpoint-preload.ts src/main.ts
 */
import { writeSync } from 'node:fs';
import { FAILPOINTS } from './failpoint.ts';
import { lastWords, readFailpoint } from './failpoint-setting.ts';

const { name, nth, action, ms } = readFailpoint(process.env['WAHOOK_FAILPOINT'] ?? '');
const failpoint = FAILPOINTS.find((one) => one.name === name);
if (failpoint === undefined) throw new Error(`WAHOOK_FAILPOINT: there is no failpoint ${name}`);

let reached = 0;
failpoint.install(() => {
  reached += 1;
  if (action === 'throw') {
    if (reached % nth === 0) throw new Error('as the failpoint was told');
  } else if (reached === nth) {
    if (action === 'kill') {
      writeSync(process.stderr.fd, lastWords(name, process.pid));
      process.kill(process.pid, 'SIGKILL');
    }
    // Nothing of this process goes on: neither while it freezes, nor until the signal has arrived.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
  }
});
