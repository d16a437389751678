import type { MessageTemplate } from '../message-template.ts';
import type { Media } from '../model.ts';
import type { WhatsAppGateway } from './sending.ts';

/** A file to give to Meta. */
export interface MediaUpload {
  readonly phoneNumberId: string;
  /** With parameters or without, e.g. `audio/ogg; codecs=opus`. */
  readonly mimeType: string;
  readonly filename?: string;
  /** Length of `content`. */
  readonly bytes: number;
  readonly content: AsyncIterable<Uint8Array> | Iterable<Uint8Array>;
}

/** What Meta says about a file that it holds. */
export interface MediaInfo {
  readonly id: string;
  readonly mimeType: string;
  readonly bytes: number;
  /** As Meta gives it: base64 or hex. */
  readonly sha256?: string;
}

/** A file that was received in whole. */
export interface DownloadedMedia {
  readonly mimeType: string;
  readonly bytes: number;
  /** Of what was received, in hex. */
  readonly sha256: string;
  /** Whether that is the checksum that Meta gave; absent: it gave none. Meta's is not always right, so this is no error. */
  readonly intact?: boolean;
}

/** A file that Meta holds, and the number of ours that it came to or was uploaded for: whose access token is used. */
export interface HeldMedia {
  readonly phoneNumberId: string;
  readonly id: string;
}

/**
 * The files that Meta holds for us. Each throws WahookError: `invalid_media` where trying again does not help (the file is
 * too large or of a type that Meta does not take, Meta has it no more, its address is not one of Meta's), `media_unavailable`
 * where it may, as when the number is not in the settings: nothing is asked with the token of another one.
 */
export interface MediaStore {
  /**
   * Resolves to the id of the file, which lives 30 days. Type and length are checked before a byte is sent. Called twice it
   * stores two files, of which an unused one costs nothing.
   */
  upload(upload: MediaUpload, signal?: AbortSignal): Promise<string>;

  describe(media: HeldMedia, signal?: AbortSignal): Promise<MediaInfo>;

  /**
   * Hands the file piece by piece to `sink`, waiting for each, and fails once it has more than `maxBytes`. An address of five
   * minutes ago is renewed. If it rejects, what `sink` got is not the file; what `sink` throws is passed on.
   */
  download(
    media: HeldMedia & Pick<Media, 'url' | 'sha256'>,
    sink: (piece: Uint8Array) => void | Promise<void>,
    options: { readonly maxBytes: number; readonly signal?: AbortSignal },
  ): Promise<DownloadedMedia>;

  /** Repeating it is harmless: a file that is not there any more is `invalid_media`. */
  remove(media: HeldMedia, signal?: AbortSignal): Promise<void>;
}

/** `phoneNumberId`: the number whose access token is used. */
export interface TemplateAccount {
  readonly businessAccountId: string;
  readonly phoneNumberId: string;
}

/** How a source that remembers is asked. */
export interface ListOptions {
  /** What is remembered for longer is asked for anew. */
  readonly notOlderThanMs?: number;
  /** The caller can do without the list: it waits for a short time only, and for a while after a failure not at all. */
  readonly optional?: boolean;
  /** Ends this caller's waiting, with its reason. */
  readonly signal?: AbortSignal;
}

/** The message templates of our accounts, as Meta has them. */
export interface TemplateSource {
  /**
   * All of an account, whatever their status, in Meta's order. Changes nothing.
   * @throws WahookError `templates_unavailable`
   */
  list(account: TemplateAccount, options?: ListOptions): Promise<readonly MessageTemplate[]>;
}

/** What a run may ask of Meta right away, past the queue. It happens once per run, whatever becomes of the run. */
export interface Channel {
  readonly gateway: Pick<WhatsAppGateway, 'markRead'>;
  readonly media: MediaStore;
  readonly templates: TemplateSource;
}
