import { expect } from 'chai';
import { createSimulator, type Simulator } from '../../src/simulator/simulator.ts';

describe('Simulated media endpoints', () => {
  let meta: Simulator;
  beforeEach(async () => {
    meta = await createSimulator({ webhookUrl: 'http://127.0.0.1:9/nobody', retryDelaysMs: [] });
  });
  afterEach(() => meta.close());

  const call = (url: string, init: RequestInit = {}, token = meta.business.accessToken): Promise<Response> =>
    fetch(url, { ...init, headers: { authorization: `Bearer ${token}` } });

  function upload(parts: { product?: string; type?: string; bytes?: number } = {}, path?: string): Promise<Response> {
    const { product = 'whatsapp', type = 'image/png', bytes = 3 } = parts;
    const body = new FormData();
    body.set('messaging_product', product);
    if (bytes >= 0) body.set('file', new Blob([Buffer.alloc(bytes, 7)], { type }), 'a.png');
    return call(`${meta.apiUrl}/${path ?? meta.business.phoneNumberId}/media`, { method: 'POST', body });
  }

  it('take a file, say what it is, give it back, and forget it', async () => {
    const { id } = (await (await upload()).json()) as { id: string };
    const described = (await (await call(`${meta.apiUrl}/${id}`)).json()) as Record<string, string>;
    expect(described).to.include({ messaging_product: 'whatsapp', id, mime_type: 'image/png', file_size: '3' });
    expect(described['sha256']).to.match(/^[\w+/]{43}=$/);
    const file = await call(described['url'] ?? '');
    expect(file.headers.get('content-type')).to.contain('image/png');
    expect(Buffer.from(await file.arrayBuffer())).to.deep.equal(Buffer.alloc(3, 7));
    expect(await (await call(`${meta.apiUrl}/${id}`, { method: 'DELETE' })).json()).to.deep.equal({ success: true });
    expect((await call(`${meta.apiUrl}/${id}`)).status).to.equal(400);
    expect((await call(described['url'] ?? '')).status).to.equal(404);
  });

  it('give out no file without the token, nor by an address that was changed', async () => {
    const { image } = meta.customer('ana').sends({ type: 'image' }).record.message as { image: { url: string } };
    expect((await call(image.url)).status).to.equal(200);
    expect((await call(image.url, {}, 'wrong')).status).to.equal(404);
    expect((await call(image.url.replace(/ext=\d/, 'ext=9'))).status).to.equal(404);
  });

  for (const [what, parts, code] of [
    ['another product', { product: 'telegram' }, 100],
    ['no file', { bytes: -1 }, 100],
    ['an empty file', { bytes: 0 }, 100],
    ['a type that Meta does not take', { type: 'image/gif' }, 100],
    ['a file that is too large', { bytes: 5 * 1_048_576 + 1 }, 131053],
  ] as const)
    it(`refuse ${what} with ${code}`, async () => {
      const response = await upload(parts);
      expect(response.status).to.equal(400);
      expect(await response.json()).to.have.nested.property('error.code', code);
    });

  it('refuse a wrong token with 190 and an unknown number with 100', async () => {
    const wrong = await call(`${meta.apiUrl}/7`, {}, 'wrong');
    expect([wrong.status, await wrong.json()]).to.have.nested.property('[1].error.code', 190);
    expect(await (await upload({}, '7')).json()).to.have.nested.property('error.error_subcode', 33);
  });

  it('have the file behind every kind of message', async () => {
    const ana = meta.customer('ana');
    const data = Buffer.from('mine').toString('base64');
    for (const type of ['image', 'video', 'audio', 'document', 'sticker'] as const) {
      const sent = ana.sends({ type, data }).record.message[type] as { url: string };
      expect(await (await call(sent.url)).text(), type).to.equal('mine');
    }
  });
});
