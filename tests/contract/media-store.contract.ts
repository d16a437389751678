import { createHash } from 'node:crypto';
import { expect } from 'chai';
import { isWahookError } from '../../src/core/errors.ts';
import type { HeldMedia, MediaStore, MediaUpload } from '../../src/core/ports/channel.ts';

export interface OpenMediaStore {
  readonly store: MediaStore;
  readonly phoneNumberId: string;
  /** Puts a file there as if a customer had sent it; resolves to its id. */
  receive(mimeType: string, content: Buffer): Promise<string>;
  close(): Promise<void>;
}

const MAX = { maxBytes: 1_000_000 };

async function codeOf(promise: Promise<unknown>): Promise<string | undefined> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  return isWahookError(error) ? error.code : String(error);
}

/** What every MediaStore promises. `open` gives a fresh one for each test. */
export function mediaStoreContract(open: () => Promise<OpenMediaStore>): void {
  let opened: OpenMediaStore;
  beforeEach(async () => {
    opened = await open();
  });
  afterEach(() => opened.close());

  const held = (id: string): HeldMedia => ({ phoneNumberId: opened.phoneNumberId, id });

  const upload = (over: Partial<MediaUpload> & { readonly bytes: number }, signal?: AbortSignal): Promise<string> => {
    const { phoneNumberId, store } = opened;
    const file = { phoneNumberId, mimeType: 'image/png', content: [Buffer.alloc(over.bytes, 7)] };
    return store.upload({ ...file, ...over }, signal);
  };

  async function contentOf(id: string, maxBytes = MAX.maxBytes): Promise<Buffer> {
    const pieces: Uint8Array[] = [];
    await opened.store.download(held(id), (piece) => void pieces.push(piece), { maxBytes });
    return Buffer.concat(pieces);
  }

  it('gives back what was uploaded, piece by piece, with its type and length', async () => {
    const content = [Buffer.from('\r\n--'), Buffer.alloc(70_000, 'x'), Buffer.from('\r\n--end--\r\n')];
    const bytes = Buffer.concat(content).byteLength;
    const id = await upload({ bytes, content, filename: 'a "quoted"\r\nname.png' });
    expect((await contentOf(id)).equals(Buffer.concat(content))).to.equal(true);
    expect(await opened.store.describe(held(id))).to.include({ id, mimeType: 'image/png', bytes });
  });

  it('takes a stream of known length', async () => {
    async function* stream(): AsyncGenerator<Uint8Array> {
      yield Buffer.from('one');
      await new Promise((resume) => setImmediate(resume));
      yield Buffer.from('two');
    }
    expect(String(await contentOf(await upload({ bytes: 6, content: stream() })))).to.equal('onetwo');
  });

  for (const bytes of [5, 7])
    it(`refuses a stream that is not as long as was said: ${bytes} instead of 6`, async () => {
      expect(await codeOf(upload({ bytes, content: [Buffer.from('onetwo')] }))).to.equal('invalid_media');
    });

  it('stores the same file twice under two ids', async () => {
    expect(await upload({ bytes: 3 })).not.to.equal(await upload({ bytes: 3 }));
  });

  it('says what a received file is, compares its checksum, and fetches it as often as asked', async () => {
    const content = Buffer.from('a picture');
    const id = await opened.receive('image/jpeg', content);
    const hex = createHash('sha256').update(content).digest('hex');
    for (const _ of [1, 2])
      expect(await opened.store.download(held(id), () => {}, MAX)).to.deep.include({
        bytes: 9,
        sha256: hex,
        intact: true,
      });
  });

  it('refuses a file of more bytes than asked for, and takes one of exactly so many', async () => {
    const id = await opened.receive('image/jpeg', Buffer.alloc(10));
    expect(await codeOf(contentOf(id, 9))).to.equal('invalid_media');
    expect(await contentOf(id, 10)).to.have.length(10);
  });

  it('passes on what the sink throws', async () => {
    const id = await opened.receive('image/jpeg', Buffer.alloc(10));
    const full = () => {
      throw new Error('the disk is full');
    };
    expect(await codeOf(opened.store.download(held(id), full, MAX))).to.equal('Error: the disk is full');
  });

  it('has a file no more once it is removed', async () => {
    const id = await opened.receive('image/jpeg', Buffer.alloc(10));
    await opened.store.remove(held(id));
    for (const asked of [contentOf(id), opened.store.describe(held(id)), opened.store.remove(held(id))])
      expect(await codeOf(asked)).to.equal('invalid_media');
  });

  it('refuses what Meta does not take before a byte of it is read', async () => {
    const content = {
      [Symbol.iterator]: () => {
        throw new Error('it was read');
      },
    };
    for (const wrong of [
      { mimeType: 'image/gif', bytes: 3 },
      { mimeType: 'image/png', bytes: 5 * 1_048_576 + 1 },
      { mimeType: 'image/png', bytes: 0 },
    ])
      expect(await codeOf(upload({ ...wrong, content }))).to.equal('invalid_media');
  });

  it('stops for a signal, and says that it may be tried again', async () => {
    const id = await opened.receive('image/jpeg', Buffer.alloc(10));
    const signal = AbortSignal.abort();
    expect(await codeOf(upload({ bytes: 3 }, signal))).to.equal('media_unavailable');
    expect(await codeOf(opened.store.download(held(id), () => {}, { ...MAX, signal }))).to.equal('media_unavailable');
  });
}
