import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { lockFolder } from '../../../src/adapters/postgres/folder-lock.ts';
import { isWahookError } from '../../../src/core/errors.ts';

const MODULE = join(import.meta.dirname, '../../../src/adapters/postgres/folder-lock.ts');

describe('the lock of a folder', () => {
  let parent: string;
  let folder: string;

  beforeEach(async () => {
    parent = await mkdtemp(join(tmpdir(), 'wahook-lock-'));
    folder = join(parent, 'deep/db');
  });
  afterEach(() => rm(parent, { recursive: true }));

  const lockFile = () => `${folder}.lock`;

  async function refusal(): Promise<Error> {
    return lockFolder(folder).then(
      () => expect.fail('it was locked twice'),
      (error: Error) => error,
    );
  }

  /** Of a process that is gone. */
  async function leaveStaleLock(token: string): Promise<void> {
    await mkdir(join(parent, 'deep'), { recursive: true });
    await writeFile(lockFile(), JSON.stringify({ token, pid: 2 ** 30, host: hostname() }));
  }

  /** Another process that has the lock and does nothing. */
  async function holder() {
    const script = `(await import(process.argv[1])).lockFolder(process.argv[2]).then(() => console.log('locked')); setInterval(() => {}, 1000)`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', script, MODULE, folder], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(child.stdout, 'data');
    return {
      pid: child.pid!,
      kill: async () => {
        child.kill('SIGKILL');
        await once(child, 'exit');
      },
    };
  }

  it('refuses a second process while the first one lives, and says which and what to do', async () => {
    const other = await holder();
    try {
      const error = await refusal();

      expect(isWahookError(error, 'already_running')).to.equal(true);
      expect(error.message)
        .to.include(`process ${other.pid} `)
        .and.include(folder)
        .and.include('DATABASE_URL')
        .and.include(lockFile());
      expect(error.message.split('\n')).to.have.length(1);
    } finally {
      await other.kill();
    }
  });

  it('takes over the lock of a process that was killed', async () => {
    const other = await holder();
    await other.kill();

    const lock = await lockFolder(folder);

    expect(JSON.parse(await readFile(lockFile(), 'utf8'))).to.include({ pid: process.pid });
    await lock.release();
  });

  it('refuses a second lock in the same process', async () => {
    const lock = await lockFolder(folder);

    expect(isWahookError(await refusal(), 'already_running')).to.equal(true);
    await lock.release();
  });

  it('leaves nothing behind when released, and can be taken again', async () => {
    for (let round = 0; round < 2; round += 1) {
      const lock = await lockFolder(folder);
      await lock.release();
      await lock.release();
    }

    expect(await readdir(join(parent, 'deep'))).to.deep.equal([]);
  });

  it('lets one of 20 win that take over a stale lock at once', async () => {
    for (let round = 0; round < 20; round += 1) {
      await leaveStaleLock(`stale ${round}`);

      const attempts = await Promise.allSettled(Array.from({ length: 20 }, () => lockFolder(folder)));

      const won = attempts.flatMap((attempt) => (attempt.status === 'fulfilled' ? [attempt.value] : []));
      expect(won).to.have.length(1);
      await won[0]!.release();
      expect(await readdir(join(parent, 'deep'))).to.deep.equal([]);
    }
  });

  it('leaves a stale lock to the process that is taking it over', async () => {
    await leaveStaleLock('stale');
    await writeFile(`${lockFile()}.stale`, '{}');

    expect(isWahookError(await refusal(), 'already_running')).to.equal(true);
  });

  for (const content of ['', '{', 'null', '{"pid":1}']) {
    it(`takes over a lock that is damaged: ${content || 'empty'}`, async () => {
      await (await lockFolder(folder)).release();
      await writeFile(lockFile(), content);

      await (await lockFolder(folder)).release();
    });
  }

  // Only Linux tells when a process was started; elsewhere the pid is all there is.
  if (process.platform === 'linux')
    it('is not fooled by another process that has got the pid of a dead one', async () => {
      const lock = await lockFolder(folder);
      const content = JSON.parse(await readFile(lockFile(), 'utf8')) as object;
      await lock.release();
      await writeFile(lockFile(), JSON.stringify({ ...content, token: 'older', startedAt: 'before the reboot 1' }));

      await (await lockFolder(folder)).release();
    });

  it('does not touch the lock of another machine', async () => {
    await (await lockFolder(folder)).release();
    await writeFile(lockFile(), JSON.stringify({ token: 'far', pid: 2 ** 30, host: 'elsewhere' }));

    expect((await refusal()).message).to.include('elsewhere');
    expect(JSON.parse(await readFile(lockFile(), 'utf8'))).to.include({ token: 'far' });
  });

  it('does not remove a lock that somebody else has by now', async () => {
    const lock = await lockFolder(folder);
    await writeFile(lockFile(), JSON.stringify({ token: 'other', pid: process.pid, host: 'elsewhere' }));

    await lock.release();

    expect(await readdir(join(parent, 'deep'))).to.deep.equal(['db.lock']);
  });
});
