import type { Offence, Progress, Verdict } from './scenario.ts';

const LINE_EVERY_MS = 10_000;

/** Says how far a run is: in one line that is written over on a terminal, in a line every 10 s elsewhere; and at once what goes wrong. */
export class ProgressLine {
  readonly #stream: NodeJS.WriteStream;
  #lastAt = 0;
  #phase: Progress['phase'] | undefined;
  #saidMore = false;
  #told = 0;

  constructor(stream: NodeJS.WriteStream = process.stdout) {
    this.#stream = stream;
  }

  show(progress: Progress): void {
    this.#tell(progress);
    if (this.#stream.isTTY) {
      this.#stream.write(`\r\u001b[2K${describeProgress(progress).slice(0, (this.#stream.columns ?? 120) - 1)}`);
      return;
    }
    const now = performance.now();
    if (progress.phase === this.#phase && now - this.#lastAt < LINE_EVERY_MS) return;
    this.#phase = progress.phase;
    this.#lastAt = now;
    this.#stream.write(`${describeProgress(progress)}\n`);
    if (this.#saidMore || progress.phase !== 'sending' || progress.acked < progress.asked) return;
    this.#saidMore = true;
    this.#stream.write('All messages are sent; more follow until the last fault has happened.\n');
  }

  /** A run that is broken off has no verdict; what it has seen must not be lost with it. */
  #tell({ offences, elapsedMs }: Progress): void {
    for (const offence of offences.slice(this.#told)) {
      const over = this.#stream.isTTY ? '\r\u001b[2K' : '';
      this.#stream.write(`${over}${Math.round(elapsedMs / 1_000)} s · ${describeOffence(offence)}\n`);
    }
    this.#told = offences.length;
  }

  end(): void {
    if (this.#stream.isTTY) this.#stream.write('\n');
  }
}

function describeProgress({ phase, asked, acked, handled, waiting, faults, violations, elapsedMs }: Progress): string {
  const injected = Object.values(faults).reduce((sum, count) => sum + count, 0);
  const parts = [
    `${Math.round(elapsedMs / 1_000)} s`,
    phase,
    `acked ${acked}/${asked}`,
    `handled ${handled}`,
    `unanswered ${waiting}`,
    `faults ${injected}`,
    `violations ${violations}`,
  ];
  return parts.join(' · ');
}

function describeOffence({ kind, conversation, what }: Offence): string {
  return `${kind} · ${conversation} · ${what}`;
}

/** The one line that says it all. */
export function ledgerLine(verdict: Verdict): string {
  const { acked, handled, lost, twice, outOfOrder, repliesLost, repliesTwice } = verdict;
  return `sent ${acked} · handled ${handled} · lost ${lost} · twice ${twice} · out of order ${outOfOrder} · replies lost ${repliesLost} · replies twice ${repliesTwice}`;
}

export function describeVerdict(verdict: Verdict): string {
  const { seed, faults, deaths, durationMs, messagesPerSecond, runsCutShort, attemptsConsumed, delivery } = verdict;
  const { statuses, poisoned } = verdict;
  const injected = Object.entries(faults).map(([name, count]) => `  ${String(count).padStart(6)}  ${name}`);
  const answers = Object.entries(delivery.answers).map(([answer, count]) => `${answer}: ${count}`);
  const lines = [
    ledgerLine(verdict),
    `seed ${seed} · ${Math.round(durationMs / 1_000)} s · ${messagesPerSecond.toFixed(0)} messages/s · ${deaths} deaths of processes`,
    `webhooks ${delivery.posts} (${delivery.repetitions} repetitions, ${delivery.duplicates} duplicates, up to ${delivery.largestBatch} elements) · answers ${answers.join(', ')}`,
    ...(statuses.stored === undefined || poisoned.setAside === undefined
      ? []
      : [
          `statuses ${statuses.acked}, stored ${statuses.stored} · poisoned elements ${poisoned.acked}, in quarantine ${poisoned.setAside}`,
        ]),
    ...(runsCutShort === undefined
      ? []
      : [`handler runs cut short ${runsCutShort} · attempts consumed ${attemptsConsumed}`]),
    ...(verdict.resent === 0 ? [] : [`replies sent again since no status came within SETTLE_WAIT ${verdict.resent}`]),
    'faults injected:',
    ...injected,
  ];
  if (verdict.isClean) return `${lines.join('\n')}\n`;
  const offences = verdict.offences.map((offence) => `  ${describeOffence(offence)}`);
  return `${[...lines, 'what went wrong (the first few):', ...offences, `output of the processes: ${verdict.logs}`].join('\n')}\n`;
}
