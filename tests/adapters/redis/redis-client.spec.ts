import { once } from 'node:events';
import { inspect } from 'node:util';
import { expect } from 'chai';
import { openRedis, redisErrorWord, redisReady } from '../../../src/adapters/redis/redis-client.ts';
import { WahookError } from '../../../src/core/errors.ts';
import { TIME_LIMITS } from '../../../src/time-limits.ts';
import { RecordingLog, silentLog } from '../../support/recording.ts';
import { type RedisServer, startRedisServer } from '../../support/redis.ts';

const limits = TIME_LIMITS.redis;

describe('openRedis', () => {
  let server: RedisServer;
  const opened: { disconnect(): void }[] = [];
  const open: typeof openRedis = (url, options) => {
    const redis = openRedis(url, options);
    opened.push(redis);
    return redis;
  };
  beforeEach(async () => {
    server = await startRedisServer();
  });
  afterEach(async () => {
    for (const redis of opened.splice(0)) redis.disconnect();
    await server.stop();
  });

  it('refuses an address that is none of Redis, without showing it', () => {
    for (const url of [
      '',
      'localhost:6379',
      'http://u:hunter2@x',
      'redis://u:hunter2@x:port',
      'redis://u:hunter2@[x',
    ]) {
      let thrown: unknown;
      try {
        openRedis(url, { log: silentLog, limits });
      } catch (error) {
        thrown = error;
      }
      expect(thrown).to.be.instanceOf(WahookError).and.to.include({ code: 'invalid_config' });
      expect(inspect(thrown, { depth: 9, showHidden: true })).not.to.contain('hunter2');
    }
  });

  it('connects by itself', async () => {
    const redis = open(server.url, { log: silentLog, limits });
    expect(await redisReady(redis, 5000)).to.equal(true);
    expect(await redisReady(redis, 0)).to.equal(true);
    expect(await redis.ping()).to.equal('PONG');
    expect(await redis.client('GETNAME')).to.equal('wahook');
  });

  it('rejects commands at once while Redis is down, and works by itself when it comes', async () => {
    const log = new RecordingLog();
    await server.stop();
    const redis = open(server.url, { log, limits });
    expect(await redisReady(redis, 200)).to.equal(false);
    const startMs = performance.now();
    const error = await redis.ping().catch((reason: unknown) => reason);
    expect(redisErrorWord(error)).to.equal('not_connected');
    expect(performance.now() - startMs).to.be.below(40);
    server = await startRedisServer(server.port);
    expect(await redisReady(redis, 3000)).to.equal(true);
    expect(await redis.ping()).to.equal('PONG');
    expect(log.lines).to.deep.equal([
      { level: 'warn', message: 'redis is not reachable', fields: { error: 'ECONNREFUSED' } },
      { level: 'info', message: 'redis is reachable again', fields: {} },
    ]);
  });

  it('tries again at least once a second', async () => {
    const { retryStrategy } = open(server.url, { log: silentLog, limits }).options;
    const delays = [1, 2, 3, 4, 5, 6, 7, 1000].map((attempt) => retryStrategy?.(attempt));
    expect(delays).to.deep.equal([50, 100, 200, 400, 800, 1000, 1000, 1000]);
  });

  it('gives a frozen Redis up after the time limit of a command, and leaves the dead connection', async () => {
    const log = new RecordingLog();
    const redis = open(server.url, { log, limits });
    await redisReady(redis, 5000);
    server.process.signal('SIGSTOP');
    const startMs = performance.now();
    const error = await redis.ping().catch((reason: unknown) => reason);
    expect(redisErrorWord(error)).to.equal('timeout');
    expect(performance.now() - startMs).to.be.within(70, 250);
    await new Promise((resolve) => redis.once('close', resolve));
    server.process.signal('SIGCONT');
    expect(await redisReady(redis, 5000)).to.equal(true);
    expect(await redis.ping()).to.equal('PONG');
    expect(log.lines.map(({ message, fields }) => [message, fields])).to.deep.equal([
      ['redis is not reachable', { error: 'timeout' }],
      ['redis is reachable again', {}],
    ]);
  });

  it('leaves a Redis that has become a read-only replica', async () => {
    const redis = open(server.url, { log: silentLog, limits });
    await redisReady(redis, 5000);
    await redis.replicaof('127.0.0.1', '1');
    const closed = new Promise((resolve) => redis.once('close', resolve));
    const error = await redis.set('a', '1').catch((reason: unknown) => reason);
    expect(redisErrorWord(error)).to.equal('READONLY');
    await closed;
  });

  it('shows a wrong password neither in the log nor in the word for the error', async () => {
    const admin = open(server.url, { log: silentLog, limits });
    await redisReady(admin, 5000);
    await admin.config('SET', 'requirepass', 'right');
    const log = new RecordingLog();
    const redis = open(server.url.replace('//', '//default:hunter2@'), { log, limits });
    const [error] = (await once(redis, 'error')) as [unknown];
    expect(inspect(error), 'control: the error itself does show it').to.contain('hunter2');
    expect(redisErrorWord(error)).to.equal('WRONGPASS');
    expect(log.text()).to.contain('WRONGPASS').and.not.to.contain('hunter2');
  });
});

describe('redisErrorWord', () => {
  it('says unknown of what is no error, and the class of an error that it does not know', () => {
    expect(redisErrorWord('text')).to.equal('unknown');
    expect(redisErrorWord(new RangeError('491701234567'))).to.equal('RangeError');
  });
});
