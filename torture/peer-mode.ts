import { rmSync } from 'node:fs';
import { PEER_PATIENCE_MS, peerNamed, peerNames } from './peer.ts';
import { describeVerdict, ProgressLine } from './report.ts';
import { type Receiver, runScenario, type ScenarioOptions, type Verdict } from './scenario.ts';

const HEAD = ['receiver', 'acked', 'handled', 'lost', 'twice', 'out of order', 'replies lost', 'replies twice', 'time'];

/** One other receiver; true if nothing was lost, twice or out of order. */
export async function runPeer(name: string, options: ScenarioOptions): Promise<boolean> {
  const patient = patientWith(options);
  const verdict = await runShown({ ...patient, receiver: peerNamed(name) });
  say(`${describePatience(patient)}\n${describeVerdict(verdict)}`);
  return verdict.isClean;
}

/** wahook and all others under the same load and the same faults, and a table of it. True if wahook's counts are all zero. */
export async function runPeers(options: ScenarioOptions): Promise<boolean> {
  const peers = peerNames().map(peerNamed);
  const patient = patientWith(options);
  const rows: string[] = [];
  const wahook = await runShown(options);
  rows.push(rowOf('wahook', wahook));
  for (const receiver of peers) rows.push(await rowOfPeer(receiver, patient));
  say(
    [describePatience(patient), `seed ${options.seed}`, '', line(HEAD), line(HEAD.map(() => '---')), ...rows].join(
      '\n',
    ),
  );
  say('\nReplies of the others that were lost are among the lost: their tables are not read.');
  return wahook.isClean;
}

/** A receiver that does not even start is a row, too. */
async function rowOfPeer(receiver: Receiver, options: ScenarioOptions): Promise<string> {
  try {
    const verdict = await runShown({ ...options, receiver });
    // Whoever wants to see it runs this one alone.
    rmSync(verdict.logs, { recursive: true, force: true });
    return rowOf(receiver.name, verdict);
  } catch (error) {
    return line([receiver.name, (error as Error).message]);
  }
}

function rowOf(name: string, verdict: Verdict): string {
  const { acked, handled, lost, twice, outOfOrder, repliesLost, repliesTwice, durationMs } = verdict;
  const known = name === 'wahook' ? repliesLost : '–';
  return line([
    name,
    acked,
    handled,
    lost,
    twice,
    outOfOrder,
    known,
    repliesTwice,
    `${Math.round(durationMs / 1_000)} s`,
  ]);
}

function line(cells: readonly (string | number)[]): string {
  return `| ${cells.join(' | ')} |`;
}

function patientWith(options: ScenarioOptions): ScenarioOptions & { readonly stallMs: number } {
  return { ...options, stallMs: options.stallMs ?? PEER_PATIENCE_MS };
}

function describePatience({ stallMs }: { readonly stallMs: number }): string {
  return `"lost" of a peer is: acked, and not handled when nothing had moved for ${stallMs / 1_000} s after the last fault`;
}

async function runShown(options: ScenarioOptions): Promise<Verdict> {
  say(`under test: ${options.receiver?.name ?? 'wahook'}`);
  const progress = new ProgressLine();
  const verdict = await runScenario({ ...options, onProgress: (now) => progress.show(now) });
  progress.end();
  for (const { kind, what } of verdict.offences) if (kind === 'not broken') say(`not broken as planned: ${what}`);
  return verdict;
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}
