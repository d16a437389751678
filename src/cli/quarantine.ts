import type { Composition } from '../container.ts';
import type { KeptPiece, Quarantine, QuarantinePage } from '../core/ports/receiving.ts';
import type { Replay } from '../core/replay-quarantine.ts';
import { EXIT } from './exit-codes.ts';
import { printable } from './printable.ts';
import { OPTIONS, type Request, readRequest, type Selection, USAGE } from './quarantine-request.ts';
import { refuse, runStoreCommand } from './store-command.ts';

const PAGE = 1_000;

type Result = Replay | { readonly outcome: 'discarded' | 'discardable' };

async function obey(request: Request, store: Composition): Promise<number> {
  const quarantine = await store.quarantine();
  switch (request.command) {
    case 'list':
      return await list(quarantine, request);
    case 'show':
      return await show(quarantine, request.id);
    case 'replay':
    case 'discard':
      return await change(store, quarantine, request);
  }
}

async function list(
  quarantine: Quarantine,
  { limit, reason, json }: Extract<Request, { command: 'list' }>,
): Promise<number> {
  const found = await quarantine.list({ limit: limit + 1, ...(reason !== undefined && { reason }) });
  const pieces = found.slice(0, limit);
  if (json)
    console.log(JSON.stringify(pieces.map(({ keptAtMs, ...piece }) => ({ ...piece, keptAt: dateOf(keptAtMs) }))));
  else if (pieces.length === 0) console.log('Nothing is in quarantine.');
  else {
    console.log(row('id', 'kept', 'reason', 'bytes', 'where'));
    for (const piece of pieces) console.log(describe(piece));
    if (found.length > limit) console.log(`and older ones: --limit ${limit * 10} shows more`);
  }
  return EXIT.done;
}

function describe({ id, keptAtMs, reason, bytes, path }: KeptPiece): string {
  return row(id, dateOf(keptAtMs), reason, String(bytes), path || 'the whole body');
}

function row(id: string, kept: string, reason: string, bytes: string, where: string): string {
  return `${id.padEnd(8)}${kept.padEnd(26)}${reason.padEnd(16)}${bytes.padStart(8)}  ${where}`;
}

function dateOf(ms: number): string {
  return new Date(ms).toISOString();
}

/** The bytes alone go to the standard output, so that they can be piped; a terminal would obey what is in them. */
async function show(quarantine: Quarantine, id: string): Promise<number> {
  const piece = await quarantine.find(id);
  if (piece === undefined) return refuse(EXIT.problems, `There is no piece ${id} in quarantine.`);
  console.error(`${describe(piece)}\nWhat follows holds personal data: do not paste it into a ticket or a chat.\n`);
  const shown = process.stdout.isTTY ? printable(Buffer.from(piece.raw).toString('utf8')) : piece.raw;
  await new Promise((resolve) => process.stdout.write(shown, resolve));
  console.error();
  return EXIT.done;
}

async function change(
  store: Composition,
  quarantine: Quarantine,
  { command, selection, dryRun, yes, json }: Extract<Request, { command: 'replay' | 'discard' }>,
): Promise<number> {
  const ids = await idsOf(quarantine, selection);
  if (command === 'discard' && ids.length > 1 && !dryRun && !yes) {
    const what = `${ids.length} pieces would be discarded, which nothing undoes.`;
    return refuse(EXIT.usage, `${what}\n  Fix  Add --yes if that is what you want.`);
  }
  const replayQuarantine = await store.replayQuarantine();
  const discard = async (id: string): Promise<Result> => {
    if (dryRun) return { outcome: (await quarantine.find(id)) === undefined ? 'absent' : 'discardable' };
    return { outcome: (await quarantine.remove([id])).length === 0 ? 'absent' : 'discarded' };
  };
  const results: (Result & { readonly id: string })[] = [];
  for (const id of ids) {
    const result = command === 'replay' ? await replayQuarantine.run(id, { dryRun }) : await discard(id);
    results.push({ id, ...result });
    if (!json) console.log(`${id.padEnd(8)}${sentence(result)}`);
  }
  const left = results.filter(({ outcome }) => ['refused', 'busy', 'absent'].includes(outcome)).length;
  if (json) console.log(JSON.stringify(results));
  else console.log(summary(command, dryRun, results.length - left, left));
  return left === 0 ? EXIT.done : EXIT.problems;
}

/** Oldest first, so that the messages of one person are replayed in the order in which they came. */
async function idsOf(quarantine: Quarantine, { ids, reason }: Selection): Promise<readonly string[]> {
  if (ids.length > 0) return [...new Set(ids)].sort((a, b) => Number(a) - Number(b));
  const found: string[] = [];
  for (let before: string | undefined; ; before = found.at(-1)) {
    const page: QuarantinePage = {
      limit: PAGE,
      ...(reason !== undefined && { reason }),
      ...(before !== undefined && { before }),
    };
    const ids = (await quarantine.list(page)).map(({ id }) => id);
    found.push(...ids);
    if (ids.length < PAGE) return found.reverse();
  }
}

function sentence(result: Result): string {
  switch (result.outcome) {
    case 'replayed':
      return replayed(result);
    case 'replayable':
      return `would be replayed: ${counted(result.events, 'event')}`;
    case 'refused':
      return `stays: still ${result.reason}`;
    case 'busy':
      return 'stays: the same element is being stored right now; try again';
    case 'absent':
      return 'is not there (any more)';
    case 'discarded':
      return 'discarded';
    case 'discardable':
      return 'would be discarded';
  }
}

function replayed({ fresh, duplicate, quarantined }: Extract<Result, { outcome: 'replayed' }>): string {
  const parts = [
    fresh > 0 && `${counted(fresh, 'event')} queued`,
    duplicate > 0 && `${counted(duplicate, 'event')} accepted before`,
    quarantined > 0 && `${counted(quarantined, 'smaller piece')} kept`,
  ].filter((part) => part !== false);
  return `replayed: ${parts.length > 0 ? parts.join(', ') : 'it holds nothing'}`;
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`;
}

function summary(command: 'replay' | 'discard', dryRun: boolean, done: number, left: number): string {
  if (done + left === 0) return 'Nothing is in quarantine.';
  const verb = { replay: 'replayed', discard: 'discarded' }[command];
  return `\n${done} ${dryRun ? `would be ${verb}` : verb}, ${left} not`;
}

await runStoreCommand({ usage: USAGE, options: OPTIONS, read: readRequest, obey });
