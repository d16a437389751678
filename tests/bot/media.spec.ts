import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import type { Handler } from '../../src/bot/bot-builder.ts';
import type { MessageHandlerContext } from '../../src/bot/bot-context.ts';
import { BotHandler } from '../../src/bot/bot-handler.ts';
import { defineBot } from '../../src/bot/define-bot.ts';
import { extensionOf, mimeTypeOf, safeName } from '../../src/bot/media-file.ts';
import type { InboundMessage, MessageContent } from '../../src/core/model.ts';
import { message, RecordedRun, text } from './bot-run.ts';

const PICTURE = Buffer.from('a picture');

const document: MessageContent = {
  type: 'document',
  media: { id: '1003383421387077', mimeType: 'application/pdf' },
  filename: '../../etc/passwd',
};

describe('The media of a message', () => {
  let folder: string;
  let run: RecordedRun;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'wahook-media-'));
    run = new RecordedRun();
    run.channel.media.receive('1003383421387077', 'application/pdf', PICTURE);
  });

  afterEach(() => rm(folder, { recursive: true }));

  async function handled<Result>(
    talk: (ctx: MessageHandlerContext) => Promise<Result>,
    event: InboundMessage = message(document),
  ): Promise<Result | undefined> {
    let result: Result | undefined;
    const handler: Handler<MessageHandlerContext> = async (ctx) => {
      result = await talk(ctx);
    };
    await new BotHandler(defineBot((bot) => bot.on('message', handler))).handle(event, run);
    return result;
  }

  it('is there where the type of the message has a file, and nowhere else', async () => {
    expect(await handled(async ({ media }) => media !== undefined)).to.equal(true);
    expect(await handled(async ({ media }) => media, text('hi'))).to.equal(undefined);
  });

  it('is said what it is, and fetched into memory', async () => {
    expect(await handled(async ({ media }) => media?.info())).to.include({ mimeType: 'application/pdf', bytes: 9 });
    expect(String(await handled(async ({ media }) => media?.buffer()))).to.equal('a picture');
  });

  it('is not fetched into memory when it is larger than asked for', async () => {
    const failed = handled(async ({ media }) => media?.buffer({ maxBytes: 8 }));
    expect(await failed.catch((error: unknown) => error)).to.have.property('code', 'invalid_media');
  });

  it('is saved under its id with the extension of its type, never under the name that the customer gave', async () => {
    const saved = await handled(async ({ media }) => media?.save(join(folder, 'deep', 'in')));
    expect(saved?.path).to.equal(join(folder, 'deep', 'in', '1003383421387077.pdf'));
    expect(saved).to.include({ bytes: 9, mimeType: 'application/pdf', intact: true });
    expect(saved?.sha256).to.match(/^[0-9a-f]{64}$/);
    expect(await readFile(saved?.path ?? '')).to.deep.equal(PICTURE);
    expect((await stat(saved?.path ?? '')).mode & 0o777).to.equal(0o600);
  });

  it('is saved under what is safe of a name, with its id', async () => {
    const saved = await handled(async ({ media, message: { type } }) =>
      media?.save(folder, { name: `../${type}\u0000\u202e bill.exe` }),
    );
    expect(saved?.path).to.equal(join(folder, 'document__ bill-1003383421387077.pdf'));
  });

  it('is saved again in the place of the first, and leaves no other file', async () => {
    for (const _ of [1, 2]) await handled(async ({ media }) => media?.save(folder));
    expect(await readdir(folder)).to.deep.equal(['1003383421387077.pdf']);
  });

  it('leaves no file when it cannot be fetched in whole', async () => {
    const failed = handled(async ({ media }) => media?.save(folder, { maxBytes: 8 }));
    expect(await failed.catch((error: unknown) => error)).to.have.property('code', 'invalid_media');
    expect(await readdir(folder)).to.deep.equal([]);
  });

  it('is removed', async () => {
    await handled(async ({ media }) => media?.remove());
    const failed = handled(async ({ media }) => media?.buffer());
    expect(await failed.catch((error: unknown) => error)).to.have.property('code', 'invalid_media');
  });

  describe('of our own', () => {
    const contentOf = async (id: string | undefined): Promise<string> => {
      const pieces: Uint8Array[] = [];
      await run.channel.media.download(
        { phoneNumberId: '106540352242922', id: id ?? '' },
        (piece) => void pieces.push(piece),
        { maxBytes: 100 },
      );
      return Buffer.concat(pieces).toString();
    };

    it('is uploaded from memory, from a stream and from the disk, its type told by its name', async () => {
      async function* stream(): AsyncGenerator<Uint8Array> {
        yield PICTURE;
      }
      const path = join(folder, 'menu.PDF');
      await writeFile(path, PICTURE);
      for (const file of [
        { content: PICTURE, mimeType: 'image/png' },
        { content: stream(), bytes: 9, mimeType: 'image/png', filename: 'a.png' },
        { path },
        { path, mimeType: 'text/plain' },
      ])
        expect(await contentOf(await handled(({ uploadMedia }) => uploadMedia(file)))).to.equal('a picture');
    });

    it('is refused where its name does not tell its type', async () => {
      const failed = handled(({ uploadMedia }) => uploadMedia({ path: join(folder, 'menu') }));
      expect(await failed.catch((error: unknown) => error)).to.have.property('code', 'invalid_media');
    });
  });
});

describe('A read receipt', () => {
  it('tells Meta that the message was read, and that an answer is being written', async () => {
    const run = new RecordedRun();
    const bot = defineBot((on) =>
      on.on('message', async ({ markRead, typing }) => {
        await markRead();
        await typing();
      }),
    );
    await new BotHandler(bot).handle(text('hi', { id: 'wamid.IN1' }), run);
    const receipt = { phoneNumberId: '106540352242922', messageId: 'wamid.IN1' };
    expect(run.channel.gateway.receipts).to.deep.equal([
      { ...receipt, typing: false },
      { ...receipt, typing: true },
    ]);
    expect(run.sent).to.deep.equal([]);
  });

  it('fails no handler: a failure is logged, without the message', async () => {
    const run = new RecordedRun();
    run.channel.gateway.failNext({ kind: 'rejected', code: 131009, reason: 'As told.' });
    const bot = defineBot((on) => on.on('message', ({ markRead }) => markRead()));
    await new BotHandler(bot).handle(text('hi', { id: 'wamid.IN1' }), run);
    expect(run.log.lines).to.have.length(1);
    expect(run.log.lines[0]).to.deep.include({ level: 'warn', fields: { code: 131009, reason: 'As told.' } });
    expect(run.log.text()).not.to.include('wamid');
  });
});

describe('The name of a file', () => {
  const names: readonly [given: string, safe: string][] = [
    ['bill.pdf', 'bill'],
    ['Rechnung März 2026.pdf', 'Rechnung März 2026'],
    ['../../etc/passwd', 'etc_passwd'],
    ['C:\\Windows\\system32', 'C__Windows_system32'],
    ['a\u0000b\nc\u202ed', 'a_b_c_d'],
    ['...', 'file'],
    ['', 'file'],
    ['CON.txt', 'file'],
    ['.hidden', 'file'],
    ['-rf', '-rf'],
  ];
  for (const [given, safe] of names)
    it(`is safe: ${JSON.stringify(given)}`, () => expect(safeName(given, 'file')).to.equal(safe));

  it('is short, in bytes and in whole characters', () => {
    const short = safeName('ä😀'.repeat(200), 'file');
    expect(Buffer.byteLength(short)).to.be.within(140, 150);
    expect(short).to.match(/^(ä😀)+ä?$/u);
  });

  it('has the extension of the type that Meta names, and none that a customer chooses', () => {
    expect(extensionOf('audio/ogg; codecs=opus')).to.equal('ogg');
    expect(extensionOf('application/x-msdownload')).to.equal('bin');
    expect(extensionOf('constructor')).to.equal('bin');
    expect(mimeTypeOf('a.JPEG')).to.equal('image/jpeg');
    expect(mimeTypeOf('a')).to.equal(undefined);
  });
});
