import { registerHooks } from 'node:module';
import { dirname, sep } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const GENERATION = 'generation';

/**
 * Lets the modules of one folder be run anew: `url(n)` names the n-th generation of the bot's file, and whatever it imports from
 * its own folder is of the same generation. Modules from elsewhere, and packages, are run once a process as always.
 */
export class BotModules {
  readonly folder: string;
  readonly #path: string;
  readonly #outside = new Set<string>();
  readonly #hooks: ReturnType<typeof registerHooks>;

  constructor(path: string) {
    this.#path = path;
    this.folder = dirname(path);
    this.#hooks = registerHooks({
      resolve: (specifier, context, nextResolve) => {
        const resolved = nextResolve(specifier, context);
        const generation = generationOf(context.parentURL);
        if (generation === null || !resolved.url.startsWith('file:')) return resolved;
        if (this.#isOwn(resolved.url)) return { ...resolved, url: withGeneration(resolved.url, generation) };
        if (/^(\.|file:)/.test(specifier)) this.#outside.add(fileURLToPath(resolved.url));
        return resolved;
      },
    });
  }

  url(generation: number): string {
    return withGeneration(pathToFileURL(this.#path).href, String(generation));
  }

  /** Files that the bot's own import by their path, and that are not run anew. */
  get outside(): readonly string[] {
    return [...this.#outside];
  }

  close(): void {
    this.#hooks.deregister();
  }

  #isOwn(url: string): boolean {
    const path = fileURLToPath(url);
    return path.startsWith(this.folder + sep) && !path.includes(`${sep}node_modules${sep}`);
  }
}

function generationOf(url: string | undefined): string | null {
  return url === undefined || !URL.canParse(url) ? null : new URL(url).searchParams.get(GENERATION);
}

function withGeneration(url: string, generation: string): string {
  const named = new URL(url);
  named.searchParams.set(GENERATION, generation);
  return named.href;
}
