import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseSync } from '@swc/core';
import { expect } from 'chai';
import { VIOLATION_COUNTS } from '../../torture/ledger.ts';
import { MUTANTS, type Mutant, mutantNamed, mutate } from '../../torture/mutant.ts';
import { MUTANT_SCENARIOS } from '../../torture/mutant-scenario.ts';
import { eventually } from '../support/eventually.ts';
import { GraphStub } from '../support/graph-stub.ts';
import { ServiceProcess } from '../support/service-process.ts';
import { deliver, textWebhook } from '../system/webhook-client.ts';

const ROOT = join(import.meta.dirname, '../..');

const sourceOf = ({ file }: Mutant) => readFileSync(join(ROOT, file), 'utf8');

describe('A mutant', () => {
  for (const mutant of MUTANTS)
    it(`${mutant.name} fits the source of now, changes it, and is still TypeScript`, () => {
      const source = sourceOf(mutant);
      const broken = mutate(mutant, source);
      expect(broken).not.to.equal(source);
      expect(broken).to.contain(mutant.replace);
      expect(() => parseSync(broken, { syntax: 'typescript' })).not.to.throw();
    });

  it('is refused if what it replaces does not stand in its file exactly once', () => {
    const mutant = { ...(MUTANTS[0] as Mutant), find: 'here', replace: '$& there' };
    expect(mutate(mutant, 'once here')).to.equal('once $& there');
    for (const source of ['gone', 'here and here']) expect(() => mutate(mutant, source), source).to.throw(mutant.name);
  });

  it('has a name of its own, and there are at least 18', () => {
    expect(MUTANTS.length).to.be.at.least(18);
    expect(new Set(MUTANTS.map(({ name }) => name)).size).to.equal(MUTANTS.length);
  });

  it('names the counts that its flaw raises, and not all that there are', () => {
    for (const { name, shows } of MUTANTS) expect(shows.length, name).to.be.within(1, VIOLATION_COUNTS.length - 1);
  });

  it('leaves no scenario unused', () => {
    expect(new Set(MUTANTS.map(({ scenario }) => scenario))).to.deep.equal(new Set(Object.keys(MUTANT_SCENARIOS)));
  });

  it('that nobody knows is answered with the names of those that there are', () => {
    expect(() => mutantNamed('no-such-mutant')).to.throw('no-fence');
  });

  describe('loaded into a real process', function () {
    this.timeout(30_000);
    const preload = new URL('../../torture/mutant-preload.ts', import.meta.url).href;

    it('breaks it, and nothing on the disk', async () => {
      const graph = await GraphStub.open();
      const mutant = mutantNamed('no-send-id');
      const env = { STORE: 'memory', WHATSAPP_API_URL: graph.apiUrl, NODE_OPTIONS: `--import=${preload}` };
      const { service, url } = await ServiceProcess.start({ ...env, WAHOOK_MUTANT: mutant.name });
      await deliver(url, textWebhook('mutant', 'hi'));
      await eventually(() => graph.requests.length > 0, 20_000);
      await service.stop();
      await graph.close();
      expect(graph.requests[0]?.body).not.to.contain('biz_opaque_callback_data');
      expect(sourceOf(mutant)).to.contain('biz_opaque_callback_data');
    });

    it('is refused if its name is unknown', async () => {
      const env = { WAHOOK_MUTANT: 'no-such-mutant', NODE_OPTIONS: `--import=${preload}` };
      const { exitCode, stderr } = await ServiceProcess.run(env);
      expect(exitCode).to.equal(1);
      expect(stderr).to.contain('names no mutant');
    });
  });
});
