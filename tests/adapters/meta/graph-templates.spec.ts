import { expect } from 'chai';
import { Response } from 'node-fetch';
import { GraphTemplates } from '../../../src/adapters/meta/graph-templates.ts';
import { TIME_LIMITS } from '../../../src/time-limits.ts';
import { rejection } from '../../simulator/rejection.ts';

const ACCOUNT = { businessAccountId: '102290129340398', phoneNumberId: '106540352242922' };
const TOKEN = 'a-token-that-nobody-may-see';

/** Answers one call after the other with these bodies, the last of them for ever. */
function open(bodies: readonly unknown[], accessOf?: () => { apiUrl: string; accessToken: string } | undefined) {
  const asked: { url: URL; authorization: string | undefined }[] = [];
  const connections = {
    fetch: async (url: string, init: { headers?: unknown }) => {
      const { authorization } = (init.headers ?? {}) as Record<string, string>;
      asked.push({ url: new URL(url), authorization });
      return new Response(JSON.stringify(bodies[Math.min(asked.length, bodies.length) - 1]));
    },
  };
  const source = new GraphTemplates({
    ...{ apiUrl: 'https://graph.example/v25.0', accessToken: TOKEN, connections, limits: TIME_LIMITS.graph },
    ...(accessOf && { accessOf }),
  });
  return { asked, source };
}

const one = (name: string) => ({ name, language: 'en_US', status: 'APPROVED', category: 'UTILITY', components: [] });

describe('GraphTemplates', () => {
  it('asks for the fields that it needs, with the token in the header alone, and follows the cursors', async () => {
    const { asked, source } = open([
      { data: [one('a')], paging: { cursors: { after: 'QQ==' }, next: 'https://elsewhere.example/steal' } },
      { data: [one('b')], paging: { cursors: { after: 'Qg==' } } },
    ]);
    expect((await source.list(ACCOUNT)).map(({ name }) => name)).to.deep.equal(['a', 'b']);
    expect(asked.map(({ url }) => url.searchParams.get('after'))).to.deep.equal([null, 'QQ==']);
    for (const { url, authorization } of asked) {
      expect(url.origin + url.pathname).to.equal('https://graph.example/v25.0/102290129340398/message_templates');
      expect(url.searchParams.get('fields')).to.equal('id,name,language,status,category,components');
      expect(url.href).not.to.contain(TOKEN);
      expect(authorization).to.equal(`Bearer ${TOKEN}`);
    }
  });

  it('leaves out what it cannot understand', async () => {
    const { source } = open([{ data: [one('a'), { name: 7 }, 'x', one('b')] }]);
    expect((await source.list(ACCOUNT)).map(({ name }) => name)).to.deep.equal(['a', 'b']);
  });

  it('goes by the address and token of the number, and asks nothing for one that is not ours', async () => {
    const own = { apiUrl: 'https://graph.example/v24.0', accessToken: 'of-its-own' };
    const { asked, source } = open([{ data: [] }], () => own);
    await source.list(ACCOUNT);
    expect(asked[0]?.url.pathname).to.contain('/v24.0/');
    expect(asked[0]?.authorization).to.equal('Bearer of-its-own');
    const stranger = open([{ data: [] }], () => undefined);
    expect((await rejection(stranger.source.list(ACCOUNT))).message).to.contain('not in the settings');
    expect(stranger.asked).to.deep.equal([]);
  });

  for (const [name, answer] of Object.entries({
    'no permission': { error: { message: '(#10) No', type: 'OAuthException', code: 10, fbtrace_id: 'x' } },
    'an answer that is no list': { id: '1' },
    'pages without an end': { data: [one('a')], paging: { cursors: { after: 'QQ==' }, next: 'https://graph.example' } },
  }))
    it(`has no templates after ${name}`, async () => {
      const { source } = open([answer]);
      const error = await rejection(source.list(ACCOUNT));
      expect(error).to.have.property('code', 'templates_unavailable');
    });
});
