import type { Container } from 'inversify';
import { GraphConnections } from './adapters/meta/graph-connections.ts';
import { GraphTemplates } from './adapters/meta/graph-templates.ts';
import { type AnswerGraph, InProcessConnections } from './adapters/meta/in-process-connections.ts';
import type { NumbersFile } from './adapters/meta/numbers-file.ts';
import type { Config } from './config.ts';
import { type Closers, TOKENS } from './container-tokens.ts';
import type { Clock, Log } from './core/ports/observation.ts';
import { TemplateCatalog } from './core/template-catalog.ts';
import { TemplateCheck } from './core/template-check.ts';
import { TIME_LIMITS } from './time-limits.ts';

/** The templates of our accounts, remembered for some minutes, and the check of what is sent by them. */
export function bindTemplates(container: Container, graph: AnswerGraph | undefined): void {
  container.bind(TOKENS.templates).toResolvedValue(
    ({ whatsapp: { apiUrl, accessToken } }: Config, clock: Clock, closers: Closers, file: NumbersFile | undefined) => {
      const limits = TIME_LIMITS.graph;
      const connections =
        graph === undefined ? new GraphConnections(new URL(apiUrl).protocol, limits) : new InProcessConnections(graph);
      closers.add(() => connections.close());
      const source = new GraphTemplates({
        ...{ apiUrl, accessToken, connections, limits },
        ...(file && { accessOf: (id) => file.of(id) }),
      });
      return new TemplateCatalog(source, clock, TIME_LIMITS.templates.optionalMs);
    },
    [TOKENS.config, TOKENS.clock, TOKENS.closers, TOKENS.numbersFile],
  );
  container.bind(TOKENS.templateCheck).toResolvedValue(
    (catalog: TemplateCatalog, { whatsapp }: Config, file: NumbersFile | undefined, log: Log) => {
      const own = (id: string) => (id === whatsapp.phoneNumberId ? whatsapp.businessAccountId : undefined);
      return new TemplateCheck(catalog, (id) => (file?.has(id) && file.of(id)?.account) || own(id), log);
    },
    [TOKENS.templates, TOKENS.config, TOKENS.numbersFile, TOKENS.log],
  );
}
