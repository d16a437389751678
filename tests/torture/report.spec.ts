import { PassThrough } from 'node:stream';
import { expect } from 'chai';
import { ProgressLine } from '../../torture/report.ts';
import type { Offence, Progress } from '../../torture/scenario.ts';

const PROGRESS: Progress = {
  ...{ phase: 'sending', asked: 10, acked: 4, handled: 3, waiting: 1, faults: {}, violations: 0 },
  ...{ offences: [], elapsedMs: 1_200 },
};

const offence = (what: string): Offence => ({ kind: 'reply twice', conversation: 'c1', what });

describe('The progress of the torture', () => {
  it('tells each thing that goes wrong at once and once, though it writes its line every 10 s', () => {
    const stream = new PassThrough();
    const line = new ProgressLine(stream as unknown as NodeJS.WriteStream);
    line.show(PROGRESS);
    line.show({ ...PROGRESS, offences: [offence('first')], elapsedMs: 2_000 });
    line.show({ ...PROGRESS, offences: [offence('first'), offence('second')], elapsedMs: 3_400 });
    line.show({ ...PROGRESS, offences: [offence('first'), offence('second')], elapsedMs: 4_000 });

    const lines = String(stream.read()).trimEnd().split('\n');
    expect(lines.slice(1)).to.deep.equal(['2 s · reply twice · c1 · first', '3 s · reply twice · c1 · second']);
  });
});
