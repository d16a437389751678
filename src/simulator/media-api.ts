import express, { type Request, type Response, type Router } from 'express';
import { errorEnvelope, type GraphProblem, graphProblem, invalidParameter, unknownObject } from './graph-problem.ts';
import type { JsonObject } from './json.ts';
import { MEDIA_FOLDER, type StoredMedia } from './media-shelf.ts';
import { type FormPart, readForm } from './multipart.ts';
import type { World } from './world.ts';

const MB = 1_048_576;

/** By MIME type, what Meta takes and how much of it (Meta, Media, 2026-09-11). */
const LIMITS: readonly (readonly [types: readonly string[], maxBytes: number])[] = [
  [['audio/aac', 'audio/amr', 'audio/mpeg', 'audio/mp4', 'audio/ogg'], 16 * MB],
  [['image/jpeg', 'image/png'], 5 * MB],
  [['image/webp'], 500 * 1_024],
  [['video/mp4', 'video/3gpp'], 16 * MB],
  [
    [
      'text/plain',
      'application/pdf',
      'application/msword',
      'application/vnd.ms-excel',
      'application/vnd.ms-powerpoint',
      'application/vnd.openxmlformats-officedocument.wordprocessingml.document',
      'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet',
      'application/vnd.openxmlformats-officedocument.presentationml.presentation',
    ],
    100 * MB,
  ],
];

const VERSION = /^v\d+\.\d+$/;

/** Meta's media endpoints: upload, what it is, delete, and the files themselves. */
export class MediaApi {
  readonly #world: World;

  constructor(world: World) {
    this.#world = world;
  }

  router(): Router {
    const router = express.Router();
    const anyBody = express.raw({ type: () => true, limit: '101mb' });
    router.get(MEDIA_FOLDER, (request, response) => this.#file(request, response));
    router.post('/:version/:phoneNumberId/media', anyBody, (request, response, next) => {
      if (!VERSION.test(request.params.version)) return next();
      this.#answer(request, response, () => this.#upload(request, request.params.phoneNumberId));
    });
    router.get('/:version/:mediaId', (request, response, next) => {
      if (!VERSION.test(request.params.version)) return next();
      this.#answer(request, response, () => this.#describe(request, request.params.mediaId));
    });
    router.delete('/:version/:mediaId', (request, response, next) => {
      if (!VERSION.test(request.params.version)) return next();
      this.#answer(request, response, () => this.#remove(request.params.mediaId));
    });
    return router;
  }

  #upload({ headers, body }: Request, phoneNumberId: string): JsonObject | GraphProblem {
    if (phoneNumberId !== this.#world.business.phoneNumberId) return unknownObject(phoneNumberId);
    const parts = readForm(headers['content-type'], Buffer.isBuffer(body) ? body : Buffer.alloc(0));
    if (parts === undefined) return graphProblem(100, 'The request body is not a form.');
    const field = (name: string) => parts.find((part) => part.name === name)?.content.toString('utf8');
    if (field('messaging_product') !== 'whatsapp')
      return invalidParameter('The parameter messaging_product is required.');
    const file = parts.find((part) => part.name === 'file' && part.filename !== undefined);
    if (file === undefined) return invalidParameter('The parameter file is required.');
    const problem = fileProblem(file);
    if (problem) return problem;
    return { id: this.#world.media.put('upload', file.contentType ?? '', Buffer.from(file.content)).id };
  }

  #describe(request: Request, mediaId: string): JsonObject | GraphProblem {
    const file = this.#world.media.get(mediaId);
    if (file === undefined) return unknownObject(mediaId);
    const { id, mimeType, sha256, content } = file;
    return {
      messaging_product: 'whatsapp',
      url: `http://${request.headers.host}${this.#world.media.pathOf(id, 'getMedia')}`,
      mime_type: mimeType,
      sha256,
      file_size: String(content.byteLength),
      id,
    };
  }

  #remove(mediaId: string): JsonObject | GraphProblem {
    return this.#world.media.remove(mediaId) ? { success: true } : unknownObject(mediaId);
  }

  /** Without the token, with an old address, and for no file at all: 404, and no word why (Meta, Media, 2026-09-11). */
  #file(request: Request, response: Response): void {
    const file: StoredMedia | undefined = this.#mayAsk(request) ? this.#world.media.at(request.query) : undefined;
    this.#record(request, file === undefined ? 404 : 200, null);
    if (file === undefined) response.status(404).end();
    else response.type(file.mimeType).send(file.content);
  }

  #answer(request: Request, response: Response, run: () => JsonObject | GraphProblem): void {
    const result = this.#mayAsk(request) ? run() : graphProblem(190);
    const problem = isProblem(result) ? result : undefined;
    const body = problem === undefined ? result : errorEnvelope(problem, this.#world.ids.traceId());
    const status = problem?.httpStatus ?? 200;
    this.#record(request, status, body);
    response.status(status).json(body);
  }

  #mayAsk(request: Request): boolean {
    return request.headers.authorization === `Bearer ${this.#world.business.accessToken}`;
  }

  /** Without the bytes of files. */
  #record({ method, path }: Request, status: number, body: unknown): void {
    this.#world.addRequest({ method, path, body: null, answer: { status, body } });
  }
}

function isProblem(result: JsonObject | GraphProblem): result is GraphProblem {
  return 'httpStatus' in result;
}

function fileProblem({ contentType = '', content }: FormPart): GraphProblem | undefined {
  const type = (contentType.split(';')[0] ?? '').trim();
  const limit = LIMITS.find(([types]) => types.includes(type));
  if (limit === undefined) {
    const known = LIMITS.flatMap(([types]) => types).join(', ');
    return invalidParameter(`Param file must be a file with one of the following types: ${known}. Received ${type}.`);
  }
  if (content.byteLength === 0) return invalidParameter('Param file must not be empty.');
  if (content.byteLength > limit[1])
    return graphProblem(131053, `The file has ${content.byteLength} bytes, as ${type} it may have ${limit[1]}.`);
  return undefined;
}
