import { createHash } from 'node:crypto';
import type { LookupFunction } from 'node:net';
import { Readable } from 'node:stream';
import { FetchError, type RequestInit, type Response } from 'node-fetch';
import { z } from 'zod';
import { WahookError } from '../../core/errors.ts';
import { bareType, checkUpload } from '../../core/media-limits.ts';
import type { Media } from '../../core/model.ts';
import type { DownloadedMedia, HeldMedia, MediaInfo, MediaStore, MediaUpload } from '../../core/ports/channel.ts';
import type { Log } from '../../core/ports/observation.ts';
import type { SendFailure } from '../../core/ports/sending.ts';
import { checksumMatches } from './checksum.ts';
import { type AccessOf, type GraphAccess, type GraphCall, GraphCalls, UNKNOWN_NUMBER } from './graph-calls.ts';
import { GraphConnections, NotSentError, systemCode } from './graph-connections.ts';
import { classifyGraphError } from './graph-errors.ts';
import type { GraphTimeLimits } from './graph-time-limits.ts';
import { isMediaAddress, PRIVATE_ADDRESS, publicLookup } from './media-address.ts';
import { multipart } from './multipart.ts';
import { Transfer, type TransferLimits } from './transfer.ts';

export interface GraphMediaOptions extends GraphAccess {
  /** Of each number, where they are not all the same; all at the host of `apiUrl`. */
  readonly accessOf?: AccessOf;
  readonly log: Log;
  readonly limits: GraphTimeLimits;
  readonly transferLimits: TransferLimits;
  /** How names become addresses; the system's own way if absent. */
  readonly resolve?: LookupFunction;
}

const Described = z.looseObject({
  id: z.string().min(1),
  url: z.string(),
  mime_type: z.string(),
  sha256: z.string().optional(),
  /** A text in Meta's OpenAPI file and on its page on media. */
  file_size: z.coerce.number().int().nonnegative(),
});

const Uploaded = z.looseObject({ id: z.string().min(1) });

type Described = MediaInfo & { readonly url: string };

/** A file whose bytes begin to come. */
interface Opened {
  readonly response: Response;
  readonly mimeType: string;
  readonly sha256: string | undefined;
}

/**
 * The files that Meta holds, over HTTP. The token, that of the file's number, goes to Meta's hosts and to that of the API only,
 * in the `Authorization` header; no redirect is followed, and of all hosts but the API's own only public addresses are connected
 * to. Concurrent calls are independent of each other.
 */
export class GraphMedia implements MediaStore {
  readonly #options: GraphMediaOptions;
  readonly #connections: Readonly<Record<string, GraphConnections>>;
  readonly #accessOf: AccessOf;
  readonly #calls: GraphCalls;

  constructor(options: GraphMediaOptions) {
    this.#options = options;
    this.#accessOf = options.accessOf ?? (() => options);
    const { protocol, hostname } = new URL(options.apiUrl);
    const lookup = publicLookup(hostname, options.resolve);
    const open = (scheme: string) => new GraphConnections(scheme, { ...options.limits, lookup });
    const own = open(protocol);
    this.#connections = { 'https:': protocol === 'https:' ? own : open('https:'), [protocol]: own };
    this.#calls = new GraphCalls({ ...options, accessOf: this.#accessOf, connections: own });
  }

  async upload(upload: MediaUpload, signal?: AbortSignal): Promise<string> {
    const { phoneNumberId, filename = 'file', mimeType, bytes, content } = upload;
    checkUpload(mimeType, bytes);
    const access = this.#access(phoneNumberId);
    const fields = { messaging_product: 'whatsapp', type: bareType(mimeType) };
    const form = multipart(fields, { filename, mimeType, bytes, content });
    const transfer = new Transfer(this.#options.transferLimits, signal);
    try {
      const response = await transfer.answered(
        this.#fetch(`${access.apiUrl}/${encodeURIComponent(phoneNumberId)}/media`, access, {
          method: 'POST',
          headers: { 'content-type': form.contentType, 'content-length': String(form.bytes) },
          body: Readable.from(transfer.outgoing(form.body), { objectMode: false }),
          signal: transfer.signal,
        }),
      );
      return uploadedId(await transfer.answered(response.text()));
    } catch (error) {
      throw form.failure() ?? transferFailure(error);
    } finally {
      transfer.end();
    }
  }

  async describe(media: HeldMedia, signal?: AbortSignal): Promise<MediaInfo> {
    const { url: _, ...info } = await this.#describe(media, signal);
    return info;
  }

  async download(
    media: HeldMedia & Pick<Media, 'url' | 'sha256'>,
    sink: (piece: Uint8Array) => void | Promise<void>,
    { maxBytes, signal }: { readonly maxBytes: number; readonly signal?: AbortSignal },
  ): Promise<DownloadedMedia> {
    const transfer = new Transfer(this.#options.transferLimits, signal);
    try {
      const { response, mimeType, sha256 } = await this.#open(media, transfer);
      if (Number(response.headers.get('content-length')) > maxBytes) throw tooLarge(maxBytes);
      const received = await receive(response, sink, maxBytes, transfer);
      return { mimeType, ...received, ...this.#compared(sha256, received.sha256) };
    } finally {
      transfer.end();
    }
  }

  async remove({ phoneNumberId, id }: HeldMedia, signal?: AbortSignal): Promise<void> {
    await this.#call({ phoneNumberId, method: 'DELETE', path: `/${encodeURIComponent(id)}` }, signal);
  }

  /** Cuts the connections: what is under way fails. */
  close(): void {
    for (const connections of Object.values(this.#connections)) connections.close();
  }

  /** The address that came with the message is good for 5 minutes; a 404 says that it is over (Meta, Media, 2026-09-11). */
  async #open(media: HeldMedia & Pick<Media, 'url' | 'sha256'>, transfer: Transfer): Promise<Opened> {
    const { url } = media;
    const access = this.#access(media.phoneNumberId);
    const known = url !== undefined && isMediaAddress(url, access.apiUrl) ? url : undefined;
    const first = known === undefined ? undefined : await this.#get(known, access, transfer);
    if (first !== undefined && first.status !== 404) return opened(first, media.sha256);
    first?.body?.resume();
    const described = await this.#describe(media, transfer.signal);
    if (!isMediaAddress(described.url, access.apiUrl))
      throw invalid('its address is on none of the hosts that the access token may be sent to');
    const response = await this.#get(described.url, access, transfer);
    return { ...opened(response, media.sha256 ?? described.sha256), mimeType: described.mimeType };
  }

  async #get(url: string, access: GraphAccess, transfer: Transfer): Promise<Response> {
    try {
      return await transfer.answered(this.#fetch(url, access, { signal: transfer.signal }));
    } catch (error) {
      throw transferFailure(error);
    }
  }

  #fetch(url: string, { accessToken }: GraphAccess, init: RequestInit): Promise<Response> {
    const connections = this.#connections[new URL(url).protocol];
    if (connections === undefined) throw invalid('its address is neither http nor https');
    const headers = { ...init.headers, authorization: `Bearer ${accessToken}`, 'user-agent': 'wahook' };
    return connections.fetch(url, { ...init, headers, redirect: 'error' });
  }

  async #describe(media: HeldMedia, signal: AbortSignal | undefined): Promise<Described> {
    const { phoneNumberId } = media;
    const path = `/${encodeURIComponent(media.id)}`;
    const body = await this.#call({ phoneNumberId, method: 'GET', path }, signal);
    const { data } = Described.safeParse(body);
    if (data === undefined) throw unavailable('Meta did not say what it is');
    const { id, url, mime_type: mimeType, file_size: bytes, sha256 } = data;
    return { id, url, mimeType, bytes, ...(sha256 !== undefined && { sha256 }) };
  }

  #access(phoneNumberId: string): GraphAccess {
    const access = this.#accessOf(phoneNumberId);
    if (access === undefined) throw refused(UNKNOWN_NUMBER);
    return access;
  }

  async #call(call: GraphCall, signal: AbortSignal | undefined): Promise<unknown> {
    const result = await this.#calls.call(call, signal);
    if (result.kind === 'answered') return result.body;
    throw refused(result);
  }

  /** Meta's checksum is not always right, so one that differs is told and is no error. */
  #compared(given: string | undefined, sha256: string): { readonly intact?: boolean } {
    const intact = given === undefined ? undefined : checksumMatches(given, Buffer.from(sha256, 'hex'));
    if (intact === false) this.#options.log.warn('A file does not have the checksum that Meta gave for it');
    return intact === undefined ? {} : { intact };
  }
}

function opened(response: Response, sha256: string | undefined): Opened {
  const { status, headers } = response;
  if (status < 200 || status > 299) {
    response.body?.resume();
    throw unavailable(`the server of the file answered with HTTP ${status}`);
  }
  return { response, sha256, mimeType: headers.get('content-type') ?? 'application/octet-stream' };
}

async function receive(
  { body }: Response,
  sink: (piece: Uint8Array) => void | Promise<void>,
  maxBytes: number,
  transfer: Transfer,
): Promise<{ readonly bytes: number; readonly sha256: string }> {
  const hash = createHash('sha256');
  let bytes = 0;
  for await (const piece of transfer.incoming(reading(body))) {
    bytes += piece.byteLength;
    if (bytes > maxBytes) throw tooLarge(maxBytes);
    hash.update(piece);
    await sink(piece);
  }
  return { bytes, sha256: hash.digest('hex') };
}

/** Only what goes wrong with the reading is a failure of the transfer; what a sink throws is passed on. */
async function* reading(body: Response['body']): AsyncGenerator<Uint8Array> {
  try {
    for await (const piece of body ?? []) yield Buffer.from(piece);
  } catch (error) {
    throw transferFailure(error);
  }
}

function uploadedId(text: string): string {
  const body = parseJson(text);
  const failure = classifyGraphError(body);
  if (failure !== undefined) throw refused(failure);
  const { data } = Uploaded.safeParse(body);
  if (data === undefined) throw unavailable('the answer to its upload holds no id');
  return data.id;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function refused({ kind, reason }: SendFailure): WahookError {
  return kind === 'rejected' ? invalid(reason) : unavailable(reason);
}

function transferFailure(error: unknown): WahookError {
  if (error instanceof WahookError) return error;
  const code = error instanceof NotSentError ? error.code : systemCode(error);
  if (code === PRIVATE_ADDRESS) return invalid('its host has a private address');
  if (error instanceof FetchError && error.type.endsWith('redirect'))
    return invalid('its address answers with a redirect, which is not followed');
  const late = error instanceof Error && error.name === 'AbortError';
  return unavailable(
    late ? 'the time for it is over' : `the connection failed${code === undefined ? '' : ` (${code})`}`,
  );
}

function tooLarge(maxBytes: number): WahookError {
  return invalid(`it has more than the ${maxBytes} bytes that it may have`);
}

function invalid(reason: string): WahookError {
  return new WahookError('invalid_media', `A file cannot be had: ${reason}`);
}

function unavailable(reason: string): WahookError {
  return new WahookError('media_unavailable', `A file cannot be had this time: ${reason}`);
}
