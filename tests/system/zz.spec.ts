import { setTimeout as delay } from 'node:timers/promises';
import { startPostgres, testDatabase } from '../support/postgres.ts';
import { ServiceProcess } from '../support/service-process.ts';
import { TcpProxy } from '../support/tcp-proxy.ts';
import { post, signatureOf, textWebhook } from './webhook-client.ts';
for (const what of ['frozen', 'worker'])
it('stop ' + what, async function () {
  this.timeout(200_000);
  await startPostgres.call(this);
  this.timeout(200_000);
  const database = await testDatabase();
  const proxy = await TcpProxy.open(Number(new URL(database.url).port));
  const DATABASE_URL = Object.assign(new URL(database.url), { port: String(proxy.port) }).href;
  const { service, url } = await ServiceProcess.start({ STORE: 'postgres', DATABASE_URL, ROLE: 'all', SHUTDOWN_TIMEOUT: '2s', WHATSAPP_API_URL: 'http://127.0.0.1:9/v25.0' });
  const t0 = performance.now();
  const log = (...a: unknown[]) => process.stdout.write(`${Math.round(performance.now() - t0)} ${a.join(' ')}\n`);
  const one = async (i: number) => { const body = textWebhook(`Z${i}`, 'hi'); const a = await post(url, body, { 'x-hub-signature-256': signatureOf(body) }); return `${a.status}/${Math.round(a.ms)}`; };
  log(await one(1));
  proxy.freeze();
  log(await Promise.all(Array.from({ length: 12 }, (_, i) => one(2 + i))));
  log(await one(50), await (await fetch(url + '/ready')).text());
  if (what === 'worker') { proxy.thaw(); for (let i = 0; i < 40; i++) { const r = await (await fetch(url + '/ready')).text(); log(r, await one(100 + i)); const h = /handler_attempts_total\{[^}]*outcome="ok"[^}]*\} \d+/.exec(await (await fetch(url + '/metrics')).text()); log(h?.[0]); if (Number(h?.[0]?.split(' ')[1]) > 3) break; await delay(1000); } }
  service.signal('SIGTERM');
  const ended = await Promise.race([service.exit(), delay(30_000, 'HANGS')]);
  log('ended', ended, '\n' + service.stdout.split('\n').slice(-12).join('\n'));
  service.signal('SIGKILL');
  await proxy.close();
});
