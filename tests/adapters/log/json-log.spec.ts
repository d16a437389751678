import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { Writable } from 'node:stream';
import { expect } from 'chai';
import { JsonLog, type JsonLogOptions } from '../../../src/adapters/log/json-log.ts';
import { Redaction } from '../../../src/adapters/log/redaction.ts';
import type { LogFields } from '../../../src/core/ports/observation.ts';
import { manualClock } from '../../support/recording.ts';

class Sink extends Writable {
  text = '';
  isTTY = false;
  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.text += chunk.toString();
    done();
  }
}

function open(options: JsonLogOptions = {}) {
  const stream = new Sink();
  return { stream, log: new JsonLog({ stream, clock: manualClock(), ...options }) };
}

describe('JsonLog', () => {
  it('writes one line of JSON per call, with the fields beside time, level and message', () => {
    const { stream, log } = open();
    log.info('listening', { port: 8080, role: 'web', absent: undefined, list: [1, { a: null }] });
    log.error('stopped');
    expect(stream.text).to.equal(
      '{"time":"2026-01-01T00:00:00.000Z","level":"info","message":"listening","port":8080,"role":"web","list":[1,{"a":null}]}\n' +
        '{"time":"2026-01-01T00:00:00.000Z","level":"error","message":"stopped"}\n',
    );
  });

  it('writes nothing below its level', () => {
    const { stream, log } = open({ level: 'warn' });
    log.debug('a');
    log.info('b');
    log.warn('c');
    log.error('d');
    expect(stream.text.match(/"message":"."/g)).to.deep.equal(['"message":"c"', '"message":"d"']);
  });

  it('leaves out debug unless told', () => {
    const { stream, log } = open();
    log.debug('a');
    expect(stream.text).to.equal('');
    const chatty = open({ level: 'debug' });
    chatty.log.debug('a');
    expect(chatty.stream.text).to.contain('"level":"debug"');
  });

  it('lets no field take the place of time, level or message', () => {
    const { stream, log } = open();
    log.info('real', { message: 'forged', level: 'error', time: 'never' });
    expect(JSON.parse(stream.text)).to.deep.include({
      message: 'real',
      level: 'info',
      _message: 'forged',
      _level: 'error',
    });
  });

  it('redacts message and fields, given secrets included', () => {
    const { stream, log } = open({ redaction: new Redaction(['very-secret-value']) });
    log.info('from 491701234567 with very-secret-value', {
      token: 'EAAG',
      auth: 'Bearer xyz',
      id: 'wamid.HBgLMTY1MA==',
    });
    expect(JSON.parse(stream.text)).to.deep.include({
      message: 'from [number] with [secret]',
      token: '[secret]',
      auth: 'Bearer [token]',
      id: '[wamid]',
    });
  });

  it('redacts a secret that came later, and the one before it still', () => {
    const redaction = new Redaction(['very-secret-value']);
    const { stream, log } = open({ redaction });
    redaction.add(['very-secret-value-2', 'short']);
    log.info('very-secret-value-2, very-secret-value and short');
    expect(JSON.parse(stream.text).message).to.equal('[secret], [secret] and short');
  });

  for (const format of ['json', 'pretty'] as const) {
    it(`lets nobody forge a line or move the cursor (${format})`, () => {
      const { stream, log } = open({ format });
      const evil = 'a\n{"level":"error"}\r\u001b[2J\u0000\u007f\u009b31m\u2028\u202e';
      log.info(evil, { [evil]: evil });
      expect(stream.text.slice(0, -1)).to.match(/^[\x20-\x7e]+$/);
      expect(stream.text.at(-1)).to.equal('\n');
    });
  }

  it('writes short lines for people, in colour only at a terminal', () => {
    const { stream, log } = open({ format: 'pretty' });
    log.warn('slow "query"', { ms: 12, queue: 'messages', reason: 'two words', none: undefined });
    expect(stream.text).to.equal('00:00:00.000 WARN  slow "query"  ms=12  queue=messages  reason="two words"\n');

    const terminal = new Sink();
    terminal.isTTY = true;
    new JsonLog({ stream: terminal, format: 'pretty' }).warn('slow', { ms: 12 });
    expect(terminal.text).to.contain('\u001b[33mWARN \u001b[0m slow').and.to.contain('\u001b[90mms=\u001b[0m12');
  });

  it('survives a stream that throws, and tells how many lines were lost', () => {
    const { stream, log } = open();
    const { write } = stream;
    stream.write = () => {
      throw new Error('gone');
    };
    log.info('a');
    log.info('b');
    stream.write = write;
    log.info('c');
    log.info('d');
    expect(
      stream.text
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line).droppedLines),
    ).to.deep.equal([2, undefined]);
  });

  it('survives fields and messages that nobody should pass', () => {
    const { stream, log } = open();
    const circular: Record<string, unknown> = {};
    circular['self'] = circular;
    log.info('circular', circular as LogFields);
    log.info(undefined as unknown as string, 'text' as unknown as LogFields);
    log.info('after');
    expect(stream.text).to.contain('"self":{"self":"[circular]"}').and.to.contain('"message":"after"');
  });

  it('drops lines while the reader does not read, in place of filling the memory', () => {
    let release: (() => void) | undefined;
    class Stuck extends Sink {
      override _write(chunk: Buffer, encoding: string, done: () => void): void {
        super._write(chunk, encoding, () => {
          if (release === undefined) release = done;
          else done();
        });
      }
    }
    const stream = new Stuck();
    const log = new JsonLog({ stream });
    for (let i = 0; i < 2000; i++) log.info('x '.repeat(2000));
    expect(stream.writableLength).to.be.below(1_100_000);
    release?.();
    expect(stream.writableLength).to.equal(0);
    log.info('last');
    expect(JSON.parse(stream.text.trim().split('\n').at(-1) as string).droppedLines).to.be.above(1000);
  });

  it('listens once per stream, however many logs there are', () => {
    const stream = new Sink();
    for (let i = 0; i < 20; i++) new JsonLog({ stream });
    expect(stream.listenerCount('error')).to.equal(1);
  });

  it('does not end the process when the reader of stdout goes away', async () => {
    const script = `
      import { JsonLog } from '${new URL('../../../src/adapters/log/json-log.ts', import.meta.url).href}';
      const log = new JsonLog();
      log.info('up');
      let left = 50;
      const timer = setInterval(() => {
        log.info('still here');
        if (--left === 0) { clearInterval(timer); process.stderr.write('alive'); }
      }, 5);`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', script]);
    const exited = once(child, 'exit');
    let errors = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      errors += text;
    });
    await once(child.stdout, 'data');
    child.stdout.destroy();
    expect([await exited, errors]).to.deep.equal([[0, null], 'alive']);
  });
});
