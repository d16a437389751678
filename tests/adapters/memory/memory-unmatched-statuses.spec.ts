import { expect } from 'chai';
import { MemoryUnmatchedStatuses } from '../../../src/adapters/memory/memory-unmatched-statuses.ts';
import { UNMATCHED_DAYS } from '../../../src/core/delivery-status.ts';
import { statusUpdate } from '../../core/builders.ts';

describe('What statuses say about messages that are not known', () => {
  it('is forgotten after its days, counted from the last that said something', () => {
    const lastsMs = UNMATCHED_DAYS * 24 * 60 * 60 * 1000;
    const statuses = new MemoryUnmatchedStatuses();
    statuses.keep(statusUpdate('sent', { messageId: 'one' }), 0);
    statuses.keep(statusUpdate('sent', { messageId: 'two' }), 1);
    statuses.keep(statusUpdate('read', { messageId: 'one' }), 2);
    expect(statuses.about('two', lastsMs + 1)).to.include({ delivery: 'sent' });
    expect(statuses.about('two', lastsMs + 2)).to.equal(undefined);
    expect(statuses.about('one', lastsMs + 2)).to.include({ delivery: 'read' });
    expect(statuses.about('one', lastsMs + 3)).to.equal(undefined);
  });
});
