import { expect } from 'chai';
import { describeFailure } from '../../src/core/job-error.ts';
import { textMessage } from './builders.ts';

describe('The description of a failed handler', () => {
  it('names the error and the place in the bot, not the path of the machine', () => {
    const error = new TypeError("Cannot read properties of undefined (reading 'total')");
    error.stack = `${error.name}: ${error.message}\n    at total (/srv/app/bot/shop.ts:31:22)\n    at run (/srv/app/x.ts:1:1)`;
    expect(describeFailure('handler_failed', error, textMessage('boom'))).to.deep.equal({
      code: 'handler_failed',
      message: "TypeError: Cannot read properties of undefined (reading 'total') (bot/shop.ts:31:22)",
    });
  });

  it('names the place in the bot where it asked for too much, not the place where that was noticed', () => {
    const error = new Error('too long');
    error.stack = `Error: too long\n    at check (/srv/app/src/core/message-limits.ts:3:1)\n    at file:///srv/app/bot/faq.ts:9:13`;
    expect(describeFailure('handler_failed', error, {}).message).to.equal('Error: too long (bot/faq.ts:9:13)');
    error.stack = 'Error: too long\n    at check (/srv/app/src/core/message-limits.ts:3:1)';
    expect(describeFailure('handler_failed', error, {}).message).to.equal(
      'Error: too long (core/message-limits.ts:3:1)',
    );
  });

  it('hides what the message quotes from the customer: text, single words, name, number and ids', () => {
    const payload = textMessage('my order is 4711 from Lisbon');
    const error = new Error(
      `no order for "${payload.id}" Ana Souza +1 555 010 0001: Lisbon, my order is 4711 from Lisbon`,
    );
    const { message } = describeFailure('handler_failed', error, payload);
    for (const secret of ['Lisbon', '4711', 'Ana', 'Souza', '555', 'wamid.IN1']) expect(message).not.to.contain(secret);
    expect(message).to.contain('Error: no … for');
  });

  it('keeps words of ours that only look like content', () => {
    const { message } = describeFailure(
      'handler_failed',
      new Error('no handler for message of type text'),
      textMessage('x'),
    );
    expect(message).to.contain('no handler for message of type text');
  });

  it('survives what is not an error, an error without a stack and a very long message', () => {
    expect(describeFailure('handler_failed', 'boom', null).message).to.equal(
      'Error: something that is not an Error was thrown',
    );
    const bare = new Error('bare');
    delete bare.stack;
    expect(describeFailure('handler_failed', bare, { a: undefined, b: 7 }).message).to.equal('Error: bare');
    expect(describeFailure('handler_failed', new Error('x'.repeat(5_000)), {}).message.length).to.be.lessThan(400);
  });
});
