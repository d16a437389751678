import type { Express } from 'express';
import type { Admission } from './admission.ts';
import { answerJson, answerText, methodNotAllowed } from './answer.ts';
import type { CachedReadiness } from './readiness.ts';

/** All metrics in Prometheus' text format, and the content type that goes with it. */
export type MetricsPage = () => Promise<{ readonly contentType: string; readonly body: string }>;

const ALLOWED = 'GET, HEAD';

/** `/health`: the process lives. Looks at nothing else: a database that is down is no reason to restart this process. */
export function addHealthRoute(app: Express): void {
  app
    .route('/health')
    .get((_request, response) => answerJson(response, 200, { status: 'ok' }))
    .all(methodNotAllowed(ALLOWED));
}

/** `/ready`: 200 if traffic should come here, 503 if not: the store cannot be written, or this process is on its way out. */
export function addReadyRoute(app: Express, readiness: CachedReadiness, admission: Admission): void {
  app
    .route('/ready')
    .get(async (_request, response) => {
      const leaving = { ready: false, checks: { traffic: 'draining' } };
      const now = admission.phase === 'open' ? await readiness.current() : leaving;
      answerJson(response, now.ready ? 200 : 503, now);
    })
    .all(methodNotAllowed(ALLOWED));
}

/** `/metrics`: for Prometheus. Belongs on a listener that strangers cannot reach. */
export function addMetricsRoute(app: Express, render: MetricsPage): void {
  app
    .route('/metrics')
    .get(async (_request, response) => {
      const page = await render();
      answerText(response, 200, page.contentType, page.body);
    })
    .all(methodNotAllowed(ALLOWED));
}
