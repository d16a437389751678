import { expect } from 'chai';
import { WahookError } from '../../src/core/errors.ts';
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
    expect(message).to.match(/^Error: no…for/);
  });

  it('hides a quotation that was cut, changed in case, glued to something or made part of a longer text', () => {
    const quotes: readonly (readonly [payload: string, error: string])[] = [
      [`https://shop.test/?token=${'a1b2'.repeat(200)}`, `cannot fetch https://shop.test/?token=${'a1b2'.repeat(200)}`],
      ['{"card": hunter2secret', 'Unexpected token h, "{"card": hunter2sec"... is not valid JSON'],
      ['Hunter2Secret', 'no product named "my HUNTER2SECRET plan"'],
      ['email=a@b.c;pin=Hunter2Secret', 'bad pair pin=Hunter2Secret'],
      ['pin 123', 'wrong pin: 123'],
    ];
    for (const [text, quoting] of quotes) {
      const { message } = describeFailure('handler_failed', new Error(quoting), textMessage(text));
      for (const secret of ['a1b2', 'hunter', 'HUNTER', 'Hunter', '123']) expect(message).not.to.contain(secret);
    }
  });

  it('leaves our own errors as they are, which hold no content', () => {
    const error = new WahookError('invalid_message', 'the text must have 1 to 4096 characters');
    error.stack = '';
    const { message } = describeFailure('handler_failed', error, textMessage('characters'));
    expect(message).to.equal('WahookError: the text must have 1 to 4096 characters');
  });

  it('stands very long lists, and letters that change their length with their case', () => {
    const payload = { items: Array.from({ length: 200_000 }, () => 'İstanbul') };
    const { message } = describeFailure('handler_failed', new Error('not in İstanbul'), payload);
    expect(message).not.to.contain('stanbul');
  });

  it('can be stored, whatever is in the message', () => {
    const { message } = describeFailure('handler_failed', new Error(`${'x'.repeat(299)}😀 \u0000`), {});
    expect(message.isWellFormed()).to.equal(true);
    const { message: other } = describeFailure('handler_failed', new Error('a\u0000b'), {});
    expect(other).to.match(/^Error: a\ufffdb/);
  });

  it('keeps words of ours that only look like content', () => {
    const { message } = describeFailure(
      'handler_failed',
      new Error('no handler for message of type text'),
      textMessage('x'),
    );
    expect(message).to.contain('no handler for message of type text');
  });

  it('survives errors that throw when they are looked at', () => {
    const trap = () => {
      throw new Error('a trap');
    };
    const getters = Object.defineProperty(new Error('never seen'), 'message', { get: trap });
    for (const error of [getters, new Proxy(new Error('never seen'), { getPrototypeOf: trap })])
      expect(describeFailure('handler_failed', error, {})).to.deep.equal({
        code: 'handler_failed',
        message: 'Error: something was thrown that cannot be looked at',
      });
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
