import type { SendingNumber, SendingNumbers } from '../core/ports/sending.ts';
import { EXIT } from './exit-codes.ts';
import { OPTIONS, type Request, readRequest, USAGE } from './numbers-request.ts';
import { runStoreCommand } from './store-command.ts';

const BY_HAND = { code: 'stopped_by_hand', message: 'Stopped with npm run numbers' };

async function list(numbers: SendingNumbers, json: boolean): Promise<number> {
  const found = await numbers.list();
  if (json) console.log(JSON.stringify({ numbers: found.map(documentOf) }));
  else if (found.length === 0) console.log('Nothing was sent or received yet.');
  else for (const number of found) console.log(describe(number));
  return EXIT.done;
}

function documentOf({ stopped, ...number }: SendingNumber): object {
  if (stopped === undefined) return number;
  const { error, sinceMs, probeAtMs } = stopped;
  const probeAt = probeAtMs === undefined ? null : new Date(probeAtMs).toISOString();
  return { ...number, stopped: { ...error, since: new Date(sinceMs).toISOString(), probeAt } };
}

function describe({ phoneNumberId, pace, stopped }: SendingNumber): string {
  const id = phoneNumberId.padEnd(17);
  if (stopped === undefined)
    return `${id}  sends${pace < 1 ? ` at ${Math.round(pace * 100)} % of its pace: Meta complained` : ''}`;
  const { error, sinceMs, probeAtMs } = stopped;
  const next = probeAtMs === undefined ? 'until it is resumed' : `next try ${timeOf(probeAtMs)}`;
  return `${id}  stopped  ${error.code}  since ${timeOf(sinceMs)}  ${next}\n  ${error.message.replaceAll(/\p{Cc}/gu, ' ')}`;
}

function timeOf(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19).replace('T', ' ')}Z`;
}

async function change(numbers: SendingNumbers, request: Exclude<Request, { verb: 'list' }>): Promise<number> {
  const { verb, phoneNumberId, json } = request;
  const changed =
    verb === 'resume'
      ? await numbers.resume(phoneNumberId)
      : await numbers.stop(phoneNumberId, BY_HAND, { byHand: true });
  if (json) console.log(JSON.stringify({ phoneNumberId, changed }));
  else if (changed) console.log(verb === 'resume' ? `${phoneNumberId} sends again` : `${phoneNumberId} is stopped`);
  else
    console.error(
      verb === 'resume'
        ? `${phoneNumberId} is not stopped.\n  Fix  npm run numbers -- list`
        : `${phoneNumberId} was stopped by hand already.`,
    );
  return changed ? EXIT.done : EXIT.failed;
}

await runStoreCommand({
  usage: USAGE,
  options: OPTIONS,
  read: readRequest,
  obey: async (request, store) => {
    const numbers = await store.sendingNumbers();
    return request.verb === 'list' ? await list(numbers, request.json) : await change(numbers, request);
  },
});
