import { runFailpoints } from './failpoint-mode.ts';
import { mutantNamed } from './mutant.ts';
import { runMutants } from './mutant-mode.ts';
import { readOptions, type TortureOptions, USAGE } from './options.ts';
import { peerNamed, peerNames } from './peer.ts';
import { runPeer, runPeers } from './peer-mode.ts';
import { describeVerdict, ProgressLine } from './report.ts';
import { runScenario } from './scenario.ts';

const EXIT_FAILED = 1;
const EXIT_USAGE = 2;

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => process.exit(130));

async function main(options: TortureOptions): Promise<boolean> {
  const { mode, per, mutants, peer, scenario } = options;
  if (mode === 'failpoints') return await runFailpoints(per, scenario);
  if (mode === 'mutants') return await runMutants(mutants.map(mutantNamed), scenario.seed);
  if (mode === 'peers') return await runPeers(scenario);
  if (peer !== undefined) return await runPeer(peer, scenario);
  const line = new ProgressLine();
  const verdict = await runScenario({ ...scenario, onProgress: (progress) => line.show(progress) });
  line.end();
  process.stdout.write(describeVerdict(verdict));
  return verdict.isClean;
}

/** @throws Error with a sentence for the user */
function withNamesKnown(options: TortureOptions): TortureOptions {
  for (const name of options.mutants) mutantNamed(name);
  const peers = options.mode === 'peers' ? peerNames() : options.peer === undefined ? [] : [options.peer];
  for (const name of peers) peerNamed(name);
  return options;
}

function optionsOrExit(): TortureOptions {
  try {
    const options = readOptions(process.argv.slice(2));
    if (options !== undefined) return withNamesKnown(options);
    process.stdout.write(USAGE);
    process.exit(0);
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n\n${USAGE}`);
    process.exit(EXIT_USAGE);
  }
}

process.exit((await main(optionsOrExit())) ? 0 : EXIT_FAILED);
