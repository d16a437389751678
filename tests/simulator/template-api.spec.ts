import { expect } from 'chai';
import { createSimulator, type Simulator } from '../../src/simulator/simulator.ts';

interface Answer {
  readonly data?: readonly Record<string, unknown>[];
  readonly paging?: { readonly cursors: { readonly after: string }; readonly next?: string };
  readonly error?: { readonly code: number; readonly error_data?: { readonly details?: string } };
}

describe('Templates of the simulator', () => {
  let meta: Simulator;
  before(async () => {
    meta = await createSimulator();
  });
  after(() => meta.close());

  async function list(query: string, { token = meta.business.accessToken, account = '102290129340398' } = {}) {
    const headers = { authorization: `Bearer ${token}` };
    const response = await fetch(`${meta.apiUrl}/${account}/message_templates?${query}`, { headers });
    return (await response.json()) as Answer;
  }

  async function send(template: object): Promise<Answer['error']> {
    const response = await fetch(`${meta.apiUrl}/${meta.business.phoneNumberId}/messages`, {
      method: 'POST',
      headers: { authorization: `Bearer ${meta.business.accessToken}`, 'content-type': 'application/json' },
      body: JSON.stringify({ messaging_product: 'whatsapp', to: '15550100001', type: 'template', template }),
    });
    return ((await response.json()) as Answer).error;
  }

  it('are listed page by page, with the fields that are asked for', async () => {
    const first = await list('limit=3&fields=name,status');
    expect(first.data).to.have.length(3);
    expect(Object.keys(first.data?.[0] ?? {})).to.deep.equal(['id', 'name', 'status']);
    expect(first.paging?.next).to.be.a('string');
    const second = await list(`limit=3&fields=name,status&after=${first.paging?.cursors.after}`);
    expect(second.data?.map(({ name }) => name)).to.deep.equal(['old_offer']);
    expect(second.paging).not.to.have.property('next');
    expect((await list('name=hello_world')).data).to.have.length(1);
  });

  it('are told to nobody without the token, nor of another account, nor by a bad page', async () => {
    expect((await list('', { token: 'another' })).error?.code).to.equal(190);
    expect((await list('', { account: '1' })).error?.code).to.equal(100);
    expect((await list('limit=0')).error?.code).to.equal(100);
    expect((await list('after=nonsense')).error?.code).to.equal(100);
  });

  const text = (value: string, name?: string) => ({ type: 'text', text: value, ...(name && { parameter_name: name }) });
  const status = (...parameters: readonly object[]) => ({
    ...{ name: 'order_status', language: { code: 'en_US' }, components: [{ type: 'body', parameters }] },
  });
  const image = { type: 'header', parameters: [{ type: 'image', image: { link: 'https://example.com/a.png' } }] };
  const values = { type: 'body', parameters: [text('Ana', 'customer'), text('20 %', 'percent')] };
  const link = { type: 'button', sub_type: 'url', index: '0', parameters: [text('a')] };
  const code = {
    ...{ type: 'button', sub_type: 'copy_code', index: '1' },
    parameters: [{ type: 'coupon_code', coupon_code: 'A' }],
  };
  const sale = (...components: readonly object[]) => ({ name: 'spring_sale', language: { code: 'en_US' }, components });

  it('are sent with the parameters that they have', async () => {
    for (const template of [
      { name: 'hello_world', language: { code: 'en_US' } },
      status(text('1'), text('has come')),
      sale(image, values, link, code),
      { name: 'unknown_here', language: { code: 'en_US' } },
    ])
      expect(await send(template), JSON.stringify(template)).to.equal(undefined);
  });

  for (const [name, template, expected] of [
    ['one of two values', status(text('1')), 132000],
    ['a value by name where it goes by number', status(text('1', 'one'), text('2', 'two')), 132000],
    [
      'a value by a wrong name',
      sale(image, { ...values, parameters: [text('a', 'x'), text('b', 'y')] }, link, code),
      132000,
    ],
    ['no picture', sale(values, link, code), 132012],
    ['no parameter of a button', sale(image, values, link), 131008],
    ['a button of another kind', sale(image, values, { ...code, index: '0' }, code), 132018],
    ['a button that it does not have', sale(image, values, link, code, { ...link, index: '2' }), 132018],
    ['another language', { name: 'hello_world', language: { code: 'de' } }, 132001],
    ['a pause', { name: 'old_offer', language: { code: 'en_US' } }, 132015],
  ] as const)
    it(`are refused with ${name}: ${expected}`, async () => {
      expect((await send(template))?.code).to.equal(expected);
    });
});
