import { chmodSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { NumbersFile } from '../../../src/adapters/meta/numbers-file.ts';
import { isWahookError, WahookError } from '../../../src/core/errors.ts';
import { eventually } from '../../support/eventually.ts';
import { RecordingLog } from '../../support/recording.ts';

const TOKEN = 'EAAGcanarytokencanarytoken';
const SECRET = 'canarysecretcanarysecret';

describe('The file NUMBERS', () => {
  let folder: string;
  let path: string;
  let log: RecordingLog;
  let changes: number;
  let secrets: string[];
  let file: NumbersFile | undefined;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'wahook-numbers-'));
    path = join(folder, 'numbers.json');
    log = new RecordingLog();
    changes = 0;
    secrets = [];
  });

  afterEach(() => {
    file?.close();
    file = undefined;
    rmSync(folder, { recursive: true });
  });

  const write = (content: unknown, mode = 0o600) => {
    writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content));
    chmodSync(path, mode);
  };
  const open = () => {
    const own = {
      ...{ phoneNumberId: '1065', apiUrl: 'https://graph.facebook.com/v25.0', accessToken: 'own token' },
      ...{ perSecond: 80, secrets: ['own secret'] },
    };
    const onSecrets = (values: readonly string[]) => void secrets.push(...values);
    file = new NumbersFile({ path, own, log, onSecrets, onChange: () => (changes += 1) });
    return file;
  };
  const problemOf = (content: unknown) => {
    write(content);
    try {
      open();
    } catch (error) {
      if (isWahookError(error, 'invalid_config')) return error.message;
      throw error;
    }
    throw new Error('it was read');
  };
  const full = {
    ...{ phoneNumberId: '2077', accessToken: TOKEN, webhookSecret: [SECRET, 'another-secret-of-it'] },
    ...{ apiVersion: 'v24.0', messagesPerSecond: 20, businessAccountId: '31' },
  };

  it('gives each number its own settings, and those of the environment where it has none', () => {
    write({ numbers: [full, { phoneNumberId: '3088' }] });
    const numbers = open();
    const own = { apiUrl: 'https://graph.facebook.com/v25.0', accessToken: 'own token', perSecond: 80 };
    expect(numbers.of('1065')).to.deep.equal(own);
    expect(numbers.of('3088')).to.deep.equal(own);
    expect(numbers.of('2077')).to.deep.equal({
      ...{ apiUrl: 'https://graph.facebook.com/v24.0', accessToken: TOKEN, perSecond: 20, account: '31' },
    });
    expect(numbers.secrets).to.deep.equal(['own secret', SECRET, 'another-secret-of-it']);
    expect(log.lines).to.deep.equal([]);
  });

  it('knows no other number, and says so once, without the number', () => {
    write({ numbers: [] });
    const numbers = open();
    expect([numbers.of('106540352242922'), numbers.of('106540352242922')]).to.deep.equal([undefined, undefined]);
    expect(log.lines).to.have.length(1);
    expect(JSON.stringify(log.lines)).to.include('2922').and.not.include('106540352242922');
  });

  it('warns if everybody may read it', () => {
    write({ numbers: [] }, 0o644);
    open();
    expect(log.lines.map(({ level }) => level)).to.deep.equal(['warn']);
  });

  it('says so if it cannot even be looked at', () => {
    symlinkSync(path, path);
    expect(open)
      .to.throw(WahookError, /NUMBERS names a file that cannot be read \(ELOOP\)/)
      .with.property('code', 'invalid_config');
  });

  it('says everything that is wrong at once, and never a value', () => {
    const message = problemOf({
      numbers: [
        { ...full, phoneNumberId: '+1 555 0100001', apiVersion: '25' },
        { ...full, accessToken: 'canary', messagesPerSecond: 0, webhookSecret: 'canary' },
        { phoneNumberId: '2077', accesToken: TOKEN },
        {},
      ],
    });
    for (const place of [
      'numbers.0.phoneNumberId is not a text of at most 32 digits',
      'numbers.0.apiVersion is not a version',
      'numbers.1.accessToken is shorter',
      'numbers.1.messagesPerSecond is less than 1',
      'numbers.1.webhookSecret',
      'accesToken',
      'numbers.3.phoneNumberId is not a text',
    ])
      expect(message).to.include(place);
    expect(message).not.to.match(/canary|0100001/);
    expect(problemOf('{"numbers": canary')).to.include('not JSON').and.not.include('canary');
    expect(problemOf({ numbers: [full, full] })).to.include('numbers.1.phoneNumberId stands here twice');
    expect(problemOf([])).to.include('NUMBERS');
  });

  it('names what is wrong when there is no such file', () => {
    expect(() => open()).to.throw(/NUMBERS names a file that cannot be read \(ENOENT\)/);
  });

  it('is read anew when it changes', async () => {
    write({ numbers: [full] });
    const numbers = open();
    write({
      numbers: [
        { ...full, accessToken: `${TOKEN}-renewed` },
        { phoneNumberId: '3088', webhookSecret: SECRET },
      ],
    });
    await eventually(() => changes === 1, 8_000);
    expect(numbers.of('2077')?.accessToken).to.equal(`${TOKEN}-renewed`);
    expect(numbers.of('3088')).not.to.equal(undefined);
    expect(JSON.stringify(log.lines)).not.to.include('canary');
  });

  it('tells every token and secret, so that no log shows them, and those of a new content', () => {
    write({ numbers: [full, { phoneNumberId: '3088', webhookSecret: 'one-secret-alone' }] });
    const numbers = open();
    expect(secrets).to.deep.equal([TOKEN, SECRET, 'another-secret-of-it', 'one-secret-alone']);
    write({ numbers: [{ ...full, accessToken: `${TOKEN}-renewed`, webhookSecret: [] }] });
    numbers.reload();
    expect(secrets.at(-1)).to.equal(`${TOKEN}-renewed`);
  });

  it('keeps what was good when it is broken later, and says so', () => {
    write({ numbers: [full] });
    const numbers = open();
    const { secrets: before } = numbers;
    write('{');
    expect(numbers.reload()).to.equal(false);
    expect(numbers.of('2077')?.accessToken).to.equal(TOKEN);
    expect(numbers.secrets).to.equal(before);
    expect(log.lines.map(({ level }) => level)).to.deep.equal(['error']);
    expect(changes).to.equal(0);
  });
});
