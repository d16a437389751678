import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { type Receiver, runScenario, type ScenarioOptions } from '../../torture/scenario.ts';
import { Servers } from '../../torture/servers.ts';

/** Says 200 at once, and does what it was told from memory, every time it is told. */
const FORGETFUL = `
  import { createServer } from 'node:http';
  import { text } from 'node:stream/consumers';
  const answer = async ({ from, text: { body } }) => {
    const [, name, parts] = /^(\\S+) x(\\d)$/.exec(body);
    const run = crypto.randomUUID();
    await new Promise((resolve) => setTimeout(resolve, 500));
    for (let part = 1; part <= Number(parts); part += 1) {
      const sent = { to: '+' + from, type: 'text', text: { body: \`re \${name} \${part}/\${parts} run \${run}\` } };
      const url = process.env.WHATSAPP_API_URL + '/1/messages';
      await fetch(url, { method: 'POST', body: JSON.stringify(sent) }).catch(() => {});
    }
  };
  createServer(async (request, response) => {
    const body = await text(request);
    response.end();
    if (request.method === 'GET') return;
    for (const { value } of JSON.parse(body).entry[0].changes) for (const message of value.messages ?? []) answer(message);
  }).listen(Number(process.env.PORT), process.env.HOST);
`;

/** Is ready, and takes nothing. */
const REFUSING = `
  import { createServer } from 'node:http';
  createServer((request, response) => response.writeHead(request.method === 'GET' ? 200 : 503).end())
    .listen(Number(process.env.PORT), process.env.HOST);
`;

/** Says 200, and does nothing. */
const SILENT = REFUSING.replace('503', '200');

const NO_FAULTS = { kills: 0, postgresStops: 0, freezes: 0, redisFaults: 0, networkFaults: 0, rolls: 0 };

describe('A scenario of the torture', function () {
  this.timeout(90_000);

  let servers: Servers;
  let folder: string;
  let forgetful: Receiver;
  const receiver = (name: string, source: string): Receiver => {
    writeFileSync(join(folder, `${name}.mjs`), source);
    return { name, command: [process.execPath, join(folder, `${name}.mjs`)], isWahook: false };
  };
  before(async () => {
    servers = await Servers.start({ redis: false });
    folder = mkdtempSync(join(tmpdir(), 'wahook-forgetful-'));
    forgetful = receiver('forgetful', FORGETFUL);
  });
  after(async () => {
    await servers.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  const run = (options: Partial<ScenarioOptions>) =>
    runScenario({
      ...{ messages: 200, seed: 5, rate: 100, redis: false, settleWaitMs: 1_000, stallMs: 3_000 },
      ...{ servers, faults: NO_FAULTS, ...options },
    });

  it('catches a receiver that forgets when it is killed, and one that does not know duplicates', async () => {
    const verdict = await run({ receiver: forgetful, faults: { ...NO_FAULTS, kills: 4, rolls: 1 } });
    expect(verdict.isClean).to.equal(false);
    expect(verdict.lost, 'lost').to.be.greaterThan(0);
    expect(verdict.twice, 'twice').to.be.greaterThan(0);
    expect(verdict.offences.map(({ kind }) => kind)).to.include.members(['lost', 'twice', 'bad exit']);
    expect(existsSync(verdict.logs), 'the output is kept').to.equal(true);
    rmSync(verdict.logs, { recursive: true });
  });

  it('ends with a verdict on a receiver that takes nothing, though faults are still to come', async () => {
    const refusing = receiver('refusing', REFUSING);
    const verdict = await run({ receiver: refusing, messages: 1_000, faults: { ...NO_FAULTS, kills: 3 } });
    expect(verdict).to.include({ isClean: false, acked: 0, lost: 0 });
    expect(verdict.offences.map(({ kind }) => kind)).to.deep.equal(['not broken', 'not accepted', 'unfinished']);
    expect(verdict.offences[0]?.what).to.match(/^[0-2] of 3 kills happened$/);
    expect(verdict.offences[2]?.what).to.contain('faults to come');
    rmSync(verdict.logs, { recursive: true });
  });

  it('ends with a verdict on a receiver that answers nothing', async () => {
    const verdict = await run({ receiver: receiver('silent', SILENT), messages: 5_000, rate: 2_000 });
    expect(verdict.isClean).to.equal(false);
    expect(verdict.lost).to.equal(verdict.acked).and.be.greaterThan(1_000);
    rmSync(verdict.logs, { recursive: true });
  });

  it('stops at the first message that is handled twice if asked to', async () => {
    const verdict = await run({ receiver: forgetful, messages: 100_000, stopsAt: ({ twice }) => twice > 0 });
    expect(verdict.isClean).to.equal(false);
    expect(verdict.acked).to.be.lessThan(50_000);
    rmSync(verdict.logs, { recursive: true });
  });

  it('catches a build that takes a whole webhook for bad because of one element', async () => {
    const preload = new URL('../../torture/mutant-preload.ts', import.meta.url).href;
    const env = { WAHOOK_MUTANT: 'poison-takes-the-batch' };
    const arm = () => ({ nodeArgs: ['--import', preload], env });
    const verdict = await run({ arm, stallMs: 10_000, calmGraph: true });
    expect(verdict.lost, 'lost').to.be.greaterThan(0);
    expect(verdict.poisoned.setAside, 'in quarantine').to.equal(0);
    rmSync(verdict.logs, { recursive: true });
  });

  it('finds nothing wrong with wahook while it is left alone', async () => {
    const verdict = await run({ settleWaitMs: 10_000, stallMs: 60_000, calmGraph: true });
    expect(verdict.offences).to.deep.equal([]);
    expect(verdict).to.include({ isClean: true, lost: 0, twice: 0, outOfOrder: 0, deadLetters: 0, deaths: 0 });
    expect(verdict.handled).to.equal(verdict.acked).and.be.at.least(200);
    expect(existsSync(verdict.logs), 'nothing is left').to.equal(false);
    expect(verdict.statuses.stored).to.equal(verdict.statuses.acked).and.be.at.least(200);
    expect(verdict.poisoned.setAside).to.equal(verdict.poisoned.acked).and.be.greaterThan(1);
    expect(verdict.quarantined).to.equal(0);
  });
});
