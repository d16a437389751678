import { expect } from 'chai';
import { MemoryQuarantine } from '../../../src/adapters/memory/memory-quarantine.ts';
import { manualClock } from '../../support/recording.ts';

describe('MemoryQuarantine', () => {
  it('lets the oldest pieces go when there are too many', async () => {
    const quarantine = new MemoryQuarantine(manualClock(), { maxPieces: 2 });
    for (const path of ['first', 'second', 'third']) {
      await quarantine.keep([{ reason: 'not_json', path, raw: new Uint8Array([1]) }]);
    }

    expect((await quarantine.list({ limit: 10 })).map(({ path }) => path)).to.deep.equal(['third', 'second']);
  });

  it('stamps pieces with its clock', async () => {
    const clock = manualClock();
    const quarantine = new MemoryQuarantine(clock);
    await quarantine.keep([{ reason: 'not_json', path: '', raw: new Uint8Array([1]) }]);

    expect((await quarantine.list({ limit: 1 }))[0]!.keptAtMs).to.equal(clock.now());
  });
});
