import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { expect } from 'chai';
import { Cluster } from '../../torture/cluster.ts';
import type { Death } from '../../torture/scenario.ts';
import { eventually } from '../support/eventually.ts';

/** Ready at once; ends itself with 7 when asked to. */
const RECEIVER = `
  import { createServer } from 'node:http';
  console.log(process.env.ROLE, process.env.MARK, process.execArgv.join());
  createServer((request, response) => {
    if (request.url === '/leave') process.exit(7);
    response.end(String(process.pid));
  }).listen(Number(process.env.PORT), process.env.HOST);
`;

/** Starts a cluster, says where it is, and runs for ever. Arguments: the receiver, and a folder. */
const HARNESS = `
  const { Cluster } = await import('${new URL('../../torture/cluster.ts', import.meta.url).href}');
  const [program, logs] = process.argv.slice(1);
  const receiver = { name: 'double', command: [process.execPath, program], isWahook: false };
  const cluster = await Cluster.start({ receiver, environment: () => ({}), arm: () => ({}), onDeath: () => {}, logs });
  console.log(JSON.stringify(cluster.members.map(({ url }) => url)));
  setInterval(() => {}, 1_000);
`;

function isAlive(pid: string): boolean {
  try {
    return process.kill(Number(pid), 0);
  } catch {
    return false;
  }
}

describe('The cluster of the torture', function () {
  this.timeout(30_000);

  let folder: string;
  let cluster: Cluster;
  let deaths: Death[];
  let armed: number;
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'wahook-cluster-'));
    writeFileSync(join(folder, 'receiver.mjs'), RECEIVER);
    deaths = [];
    armed = 0;
    cluster = await Cluster.start({
      receiver: { name: 'double', command: [process.execPath, join(folder, 'receiver.mjs')], isWahook: false },
      environment: () => ({ MARK: 'set' }),
      arm: (role) => {
        armed += 1;
        return role === 'worker' ? { nodeArgs: ['--stack-trace-limit=7'], env: { MARK: `start ${armed}` } } : {};
      },
      onDeath: (death) => void deaths.push(death),
      logs: folder,
    });
  });
  afterEach(async () => {
    await cluster.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  const pid = async (url: string) => (await fetch(url)).text().catch(() => '');

  it('starts a process again that was killed, on the same port', async () => {
    const [member] = cluster.members;
    const before = await pid(member?.url ?? '');
    member?.signal('SIGKILL');
    await eventually(() => deaths.length === 1);
    await eventually(() => member?.isReady === true);
    expect(await pid(member?.url ?? '')).to.not.equal(before);
    expect(deaths[0]).to.include({ name: 'web-1', role: 'web', signal: 'SIGKILL', isOurs: true, pid: Number(before) });
  });

  it('tells a process that ended itself from one that was ended', async () => {
    await fetch(`${cluster.members[2]?.url}/leave`).catch(() => {});
    await eventually(() => deaths.length === 1);
    expect(deaths[0]).to.include({ name: 'worker-1', exitCode: 7, isOurs: false });
    expect(deaths[0]?.output).to.match(/^worker start \d .*\n$/);
    expect(deaths[0]?.armed.env?.['MARK']).to.match(/^start \d$/);
  });

  it('calls a process ready no more from the moment at which it is told to end', async () => {
    const [member] = cluster.members;
    member?.signal('SIGTERM');
    expect(member?.isReady).to.equal(false);
    await eventually(() => deaths.length === 1);
    await eventually(() => member?.isReady === true);
  });

  it('arms each start anew', async () => {
    expect(armed).to.equal(4);
    cluster.members[3]?.signal('SIGKILL');
    await eventually(() => armed === 5);
    await eventually(() => cluster.members[3]?.isReady === true);
    expect(readFileSync(join(folder, 'worker-2.log'), 'utf8')).to.match(
      /^worker start 4 --stack.*\nworker start 5 --stack/,
    );
    expect(readFileSync(join(folder, 'web-1.log'), 'utf8')).to.equal('web set \n');
  });

  it('leaves no process behind when whoever runs it is killed', async () => {
    const harness = spawn(process.execPath, [
      '--input-type=module',
      '-e',
      HARNESS,
      join(folder, 'receiver.mjs'),
      folder,
    ]);
    const [urls] = await once(createInterface({ input: harness.stdout }), 'line');
    const pids = await Promise.all((JSON.parse(urls) as string[]).map(pid));
    expect(pids.map(isAlive)).to.deep.equal([true, true, true, true]);
    harness.kill('SIGKILL');
    await eventually(() => !pids.some(isAlive));
  });

  it('starts nothing again once it is stopped', async () => {
    const urls = cluster.members.map(({ url }) => url);
    await cluster.stop();
    for (const url of urls) expect(await fetch(url).catch(() => 'gone')).to.equal('gone');
    expect(deaths).to.deep.equal([]);
  });
});
