import { expect } from 'chai';
import { FAILPOINTS } from '../../torture/failpoint.ts';
import { armWith, readFailpoint } from '../../torture/failpoint-setting.ts';
import { eventually } from '../support/eventually.ts';
import { GraphStub } from '../support/graph-stub.ts';
import { startPostgres, type TestDatabase, testDatabase } from '../support/postgres.ts';
import { ServiceProcess } from '../support/service-process.ts';
import { deliver, textWebhook } from '../system/webhook-client.ts';

/** A busy machine starts a process in seconds; a lane whose worker died is free after 12 s. */
const PATIENCE_MS = 30_000;

/** One of each way to be noticed: a method, a named statement, the bot, Node's own channel. The torture itself fails if one is not met. */
const SAMPLE = ['verified', 'accept-written', 'statuses-accepted', 'between-replies', 'posted'];

describe('A failpoint', function () {
  this.timeout(120_000);

  let database: TestDatabase;
  let graph: GraphStub;
  let web: { service: ServiceProcess; url: string };
  let env: Readonly<Record<string, string>>;
  before(async function () {
    await startPostgres.call(this);
    database = await testDatabase();
    graph = await GraphStub.open();
    env = { STORE: 'postgres', DATABASE_URL: database.url, WHATSAPP_API_URL: graph.apiUrl };
    web = await ServiceProcess.start({ ...env, ROLE: 'web' });
  });
  after(async () => {
    await web.service.stop();
    await graph.close();
    await database.drop();
  });

  const startArmed = ({ name, role }: (typeof FAILPOINTS)[number]) => {
    const { nodeArgs, env: armed } = armWith({ name, nth: 1, action: 'kill' });
    return ServiceProcess.start({ ...env, ...armed, NODE_OPTIONS: nodeArgs.join(' '), ROLE: role });
  };
  const send = (url: string, customer: number) =>
    Promise.allSettled([
      deliver(url, textWebhook(`fp-${customer}`, 'hi', String(customer))),
      deliver(url, statusWebhook(`fp-${customer}`, String(customer))),
    ]);

  for (const [index, failpoint] of FAILPOINTS.filter(({ name }) => SAMPLE.includes(name)).entries())
    it(`${failpoint.name} (${failpoint.step}) is on the way of a message through a ${failpoint.role}, which dies there by SIGKILL`, async () => {
      const { service, url } = await startArmed(failpoint);
      await send(failpoint.role === 'web' ? url : web.url, 15_550_200_000 + index);
      const dead = await Promise.race([
        service.exit().then(() => true),
        eventually(() => false, PATIENCE_MS).catch(() => false),
      ]);
      if (!dead) service.signal('SIGKILL');
      expect(dead, 'the process did not get there').to.equal(true);
      expect(await service.exit(), 'ended by itself').to.equal(null);
      await eventually(() => service.stderr.includes(` kills itself at the failpoint ${failpoint.name}\n`));
    });

  it('has a name of its own and is described in a sentence', () => {
    expect(new Set(FAILPOINTS.map(({ name }) => name)).size).to.equal(FAILPOINTS.length);
    for (const { name, state } of FAILPOINTS) expect(state, name).to.match(/^[A-Z].*\.$/);
  });

  it('covers every step from S1 to S15', () => {
    const steps = new Set(FAILPOINTS.map(({ step }) => Number(step.slice(1))));
    expect([...steps].sort((a, b) => a - b)).to.deep.equal(Array.from({ length: 15 }, (_, index) => index + 1));
  });

  it('is refused by the process if its name is unknown', async () => {
    const arming = armWith({ name: 'no-such-point' as never, nth: 1, action: 'kill' });
    const { exitCode, stderr } = await ServiceProcess.run({
      ...env,
      ...arming.env,
      NODE_OPTIONS: arming.nodeArgs.join(' '),
    });
    expect(exitCode).to.equal(1);
    expect(stderr).to.contain('there is no failpoint no-such-point');
  });

  it('is written as name, number and action, and nothing else is taken for one', () => {
    const settings = [
      { name: 'handled', nth: 3, action: 'kill' },
      { name: 'handled', nth: 1, action: 'throw' },
      { name: 'handled', nth: 2, action: 'freeze', ms: 13_000 },
    ] as const;
    for (const setting of settings)
      expect(readFailpoint(armWith(setting).env['WAHOOK_FAILPOINT'] ?? '')).to.deep.equal(setting);
    for (const text of ['', 'handled', 'handled:0', 'handled:1:explode', 'handled:1:freeze', 'handled:1:kill:5'])
      expect(() => readFailpoint(text), text).to.throw('WAHOOK_FAILPOINT');
  });
});

/** The status of a message of ours that nobody knows, told apart by a send id. */
function statusWebhook(id: string, recipient: string): Buffer {
  const status = {
    id: `wamid.${id}`,
    status: 'delivered',
    timestamp: '1790000000',
    recipient_id: recipient,
    biz_opaque_callback_data: id,
  };
  const metadata = { display_phone_number: '15550783881', phone_number_id: '106540352242922' };
  const value = { messaging_product: 'whatsapp', metadata, statuses: [status] };
  const entry = [{ id: '102290129340398', changes: [{ field: 'messages', value }] }];
  return Buffer.from(JSON.stringify({ object: 'whatsapp_business_account', entry }));
}
