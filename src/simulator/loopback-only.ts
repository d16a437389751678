import type { RequestHandler } from 'express';

const LOOPBACK = new Set(['127.0.0.1', 'localhost', '[::1]']);

/**
 * Lets nobody but this machine drive the simulator. It listens on 127.0.0.1 only, but a web page can have its own name point
 * there (DNS rebinding: `Host` tells) or post across origins (`Origin` tells, and browsers always send it then).
 */
export const loopbackOnly: RequestHandler = (request, response, next) => {
  const { host, origin } = request.headers;
  if (isLoopback(`http://${host}`) && (origin === undefined || isLoopback(origin))) next();
  else
    response
      .status(403)
      .json({ error: { code: 'forbidden', message: 'Only for this machine: 127.0.0.1 or localhost.' } });
};

function isLoopback(url: string): boolean {
  return URL.canParse(url) && LOOPBACK.has(new URL(url).hostname);
}
