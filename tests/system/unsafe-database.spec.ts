import { expect } from 'chai';
import { checkSetup } from '../../src/cli/verify-setup.ts';
import { readConfig } from '../../src/config.ts';
import { type PostgresServer, startPostgresServer } from '../support/postgres-server.ts';
import { SETTINGS, ServiceProcess } from '../support/service-process.ts';

describe('A database server that may lose what it has confirmed', function () {
  this.timeout(60_000);

  let server: PostgresServer;
  afterEach(() => server.stop());

  it('is found out by the service at its start and by the verification, by the names of the settings', async () => {
    server = await startPostgresServer({ settings: { fsync: 'off', full_page_writes: 'off' } });
    const env = { STORE: 'postgres', DATABASE_URL: server.url };
    const { service } = await ServiceProcess.start(env);
    const line = service.stdout.split('\n').find((text) => text.includes('may lose acknowledged messages')) ?? '{}';
    expect(JSON.parse(line)).to.deep.include({ level: 'warn', settings: ['fsync', 'full_page_writes'] });
    expect(await service.stop()).to.equal(0);

    const result = readConfig({ ...SETTINGS, ...env });
    if ('problems' in result) throw new Error('the settings are wrong');
    const found = (await checkSetup(result.config)).filter(({ title }) => title === 'durability');
    expect(found.map((check) => check.outcome === 'fail' && check.what)).to.deep.equal([
      'The database runs with fsync = off',
      'The database runs with full_page_writes = off',
    ]);
  });

  it('is not suspected as long as it is not one', async () => {
    server = await startPostgresServer();
    const env = { STORE: 'postgres', DATABASE_URL: server.url };
    const { service } = await ServiceProcess.start(env);
    expect(service.stdout).not.to.contain('may lose');
    expect(await service.stop()).to.equal(0);
    const result = readConfig({ ...SETTINGS, ...env });
    if ('problems' in result) throw new Error('the settings are wrong');
    expect((await checkSetup(result.config)).map(({ title }) => title)).not.to.include('durability');
  });
});
