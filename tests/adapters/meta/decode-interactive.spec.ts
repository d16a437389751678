import { expect } from 'chai';
import type { InteractiveReply } from '../../../src/core/model.ts';
import { bodyOf, contentOf, messageBody } from './webhook-bodies.ts';

function recorded(name: string): InteractiveReply {
  return contentOf('interactive', bodyOf(`in_interactive_${name}.json`)).reply;
}

function replyTo(interactive: unknown): InteractiveReply {
  return contentOf('interactive', messageBody({ type: 'interactive', interactive })).reply;
}

function flowReply(responseJson: string): InteractiveReply {
  return replyTo({ type: 'nfm_reply', nfm_reply: { name: 'flow', response_json: responseJson } });
}

describe('An interactive reply', () => {
  it('is a button', () => {
    expect(recorded('button_reply')).to.deep.equal({
      kind: 'button_reply',
      id: 'slot-2026-09-28T16:00',
      title: 'Mon 16:00',
    });
  });

  it('is a row of a list, with or without description', () => {
    expect(recorded('list_reply')).to.deep.equal({
      kind: 'list_reply',
      id: 'ship_express',
      title: 'Express',
      description: '1–2 days',
    });
    const bare = replyTo({ type: 'list_reply', list_reply: { id: 'a', title: 'A' } });
    expect(bare).to.deep.equal({ kind: 'list_reply', id: 'a', title: 'A' });
  });

  it('is a form, as Meta’s text and parsed', () => {
    expect(recorded('nfm_reply_flow')).to.deep.equal({
      kind: 'nfm_reply',
      name: 'flow',
      body: 'Sent',
      responseJson: '{"flow_token": "ft-7f3a", "rating": "5", "comment": "Très bien"}',
      response: { flow_token: 'ft-7f3a', rating: '5', comment: 'Très bien' },
    });
    expect(recorded('nfm_reply_address')).to.deep.include({ name: 'address_message' });
  });

  it('keeps the text of a form that is not JSON', () => {
    const reply = recorded('nfm_reply_bad_json');
    expect(reply).to.deep.include({ kind: 'nfm_reply', responseJson: '{"flow_token":' });
    expect(reply).not.to.have.any.keys('response');
  });

  it('leaves out the parsed form if a database could not store it', () => {
    const hostile = [
      '{"a":"\\u0000"}',
      '{"\\ud800":1}',
      '['.repeat(100) + ']'.repeat(100),
      '['.repeat(1e5) + ']'.repeat(1e5),
    ];
    for (const responseJson of hostile) {
      const reply = flowReply(responseJson);
      expect(reply).to.deep.include({ kind: 'nfm_reply', responseJson });
      expect(reply).not.to.have.any.keys('response');
    }
    expect(flowReply('{"a":"\\u0001"}')).to.deep.include({ response: { a: '\u0001' } });
    expect(flowReply('null')).to.deep.include({ response: null });
  });

  it('allows or forbids calls, for good or until a time', () => {
    expect(recorded('call_permission_permanent')).to.deep.equal({
      kind: 'call_permission_reply',
      response: 'accept',
      isPermanent: true,
      responseSource: 'user_action',
    });
    expect(recorded('call_permission_reject')).to.deep.include({ response: 'reject' });
    const until = { response: 'accept', expiration_timestamp: 1_790_000_000 };
    const reply = replyTo({ type: 'call_permission_reply', call_permission_reply: until });
    expect(reply).to.deep.include({ expiresAtMs: 1_790_000_000_000 });
  });

  it('is a product, whatever is in it', () => {
    const product = { anything: [1] };
    expect(replyTo({ type: 'product', product })).to.deep.equal({ kind: 'product', value: product });
  });

  it('is unknown, with all that came, if the kind is new or has not its form', () => {
    for (const type of [
      'button_reply',
      'list_reply',
      'nfm_reply',
      'call_permission_reply',
      'product',
      'new',
      '__proto__',
    ]) {
      const interactive = { type };
      expect(replyTo(interactive)).to.deep.equal({ kind: 'unknown', reported: type, value: interactive });
    }
    const odd = { type: 'button_reply', button_reply: { id: 5, title: 'x' } };
    expect(replyTo(odd)).to.deep.equal({ kind: 'unknown', reported: 'button_reply', value: odd });
    expect(replyTo({ new_reply: 1 })).to.deep.equal({ kind: 'unknown', value: { new_reply: 1 } });
    expect(replyTo('text')).to.deep.equal({ kind: 'unknown', value: 'text' });
  });

  it('is unknown if there is none, and the errors beside the message say why', () => {
    const { reply, errors } = contentOf('interactive', bodyOf('in_interactive_without_body_with_value_errors.json'));
    expect(reply).to.deep.equal({ kind: 'unknown', value: null });
    expect(errors).to.deep.equal([
      { code: 131_000, title: 'Something went wrong', details: 'Unsupported webhook payload' },
    ]);
  });
});
