import type { DeadLetter, DeadLetterCount, DeadLetters } from '../core/ports/queue.ts';
import { OPTIONS, type Request, readRequest, USAGE } from './dead-letters-request.ts';
import { EXIT } from './exit-codes.ts';
import { refuse, runStoreCommand } from './store-command.ts';

/** What happened, or would happen, in words. */
const DONE = { redrive: ['redriven', 'would be redriven'], discard: ['discarded', 'would be discarded'] } as const;

async function list(letters: DeadLetters, { filter, limit, json }: Request): Promise<number> {
  const found = await letters.list(filter, limit);
  const total = (await letters.redrive(filter, { dryRun: true })).letters;
  if (json) {
    console.log(JSON.stringify({ total, letters: found.map(documentOf) }));
    return EXIT.done;
  }
  for (const letter of found) console.log(describe(letter));
  console.log(found.length < total ? `${found.length} of ${counted(total)}` : counted(total));
  return EXIT.done;
}

function documentOf({ acceptedAtMs, diedAtMs, ...letter }: DeadLetter): object {
  return { ...letter, acceptedAt: new Date(acceptedAtMs).toISOString(), diedAt: new Date(diedAtMs).toISOString() };
}

function describe({ id, reason, error, attempts, claims, conversation, diedAtMs }: DeadLetter): string {
  const died = new Date(diedAtMs).toISOString().slice(0, 19).replace('T', ' ');
  const starts = claims > attempts ? `, begun ${claims} times` : '';
  const facts = [
    id.padEnd(16),
    reason.padEnd(16),
    `attempt ${attempts}${starts}`,
    `died ${died}Z`,
    `conversation ${conversation}`,
  ];
  return `${facts.join('  ')}\n  ${error.message.replaceAll(/\p{Cc}/gu, ' ')}`;
}

function counted(letters: number): string {
  return letters === 1 ? '1 dead letter' : `${letters} dead letters`;
}

/** Ids that name no dead letter are most likely mistyped: then nothing at all is done. */
async function unknownIds(letters: DeadLetters, { filter: { ids = [] } }: Request): Promise<readonly string[]> {
  if (ids.length === 0) return [];
  const known = new Set((await letters.list({ ids }, ids.length)).map(({ id }) => id));
  return ids.filter((id) => !known.has(id));
}

async function change(letters: DeadLetters, verb: 'redrive' | 'discard', request: Request): Promise<number> {
  const { filter, perSecond, dryRun, yes } = request;
  const unknown = await unknownIds(letters, request);
  if (unknown.length > 0)
    return refuse(
      EXIT.failed,
      `No dead letter: ${unknown.join(', ')}. Nothing was done.\n  Why  The id is mistyped, or it was redriven or discarded already.\n  Fix  npm run dead-letters -- list`,
    );
  if (verb === 'redrive') {
    const count = await letters.redrive(filter, { dryRun, ...(perSecond !== undefined && { perSecond }) });
    return report(request, verb, count);
  }
  const would = await letters.discard(filter, { dryRun: true });
  if (!dryRun && !yes && would.letters > 1)
    return refuse(
      EXIT.usage,
      `${counted(would.letters)} would be discarded, which nothing undoes.\n  Fix  Add --yes if that is what you want.`,
    );
  return report(request, verb, dryRun ? would : await letters.discard(filter));
}

function report({ dryRun, perSecond, json }: Request, verb: 'redrive' | 'discard', count: DeadLetterCount): number {
  const { letters, conversations } = count;
  const seconds = perSecond === undefined ? 0 : Math.max(0, Math.ceil((letters - 1) / perSecond));
  if (json) {
    console.log(JSON.stringify({ ...count, dryRun, ...(perSecond !== undefined && { seconds }) }));
    return EXIT.done;
  }
  const pace = perSecond === undefined || letters < 2 ? '' : `, the last one in ${seconds} s`;
  const from = conversations === 1 ? '1 conversation' : `${conversations} conversations`;
  console.log(`${counted(letters)} of ${from} ${DONE[verb][dryRun ? 1 : 0]}${pace}`);
  return EXIT.done;
}

await runStoreCommand({
  usage: USAGE,
  options: OPTIONS,
  read: readRequest,
  obey: async (request, store) => {
    const letters = await store.deadLetters();
    return request.verb === 'list' ? await list(letters, request) : await change(letters, request.verb, request);
  },
});
