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
        const { parentURL = '' } = context;
        if (!this.#isOwn(parentURL)) return resolved;
        if (this.#isOwn(resolved.url))
          return { ...resolved, url: withGeneration(resolved.url, generationOf(parentURL)) };
        if (/^(\.|file:)/.test(specifier)) this.#outside.add(fileURLToPath(resolved.url));
        return resolved;
      },
    });
  }

  /** The first one, 0, has the plain name of the file, as where nothing is loaded anew. */
  url(generation: number): string {
    return withGeneration(pathToFileURL(this.#path).href, generation === 0 ? null : String(generation));
  }

  /** Files that the bot's own import by their path, and that are not run anew. */
  get outside(): readonly string[] {
    return [...this.#outside];
  }

  close(): void {
    this.#hooks.deregister();
  }

  #isOwn(url: string): boolean {
    if (!url.startsWith('file:')) return false;
    const path = fileURLToPath(url);
    return path.startsWith(this.folder + sep) && !path.includes(`${sep}node_modules${sep}`);
  }
}

function generationOf(url: string): string | null {
  return new URL(url).searchParams.get(GENERATION);
}

function withGeneration(url: string, generation: string | null): string {
  if (generation === null) return url;
  const named = new URL(url);
  named.searchParams.set(GENERATION, generation);
  return named.href;
}
