/**
 * Loaded before the service by `--import`: breaks the build named in WAHOOK_MUTANT while its modules are loaded. No file is touched.
 * Imports nothing of src, which would then be loaded unbroken.
 */
import { registerHooks } from 'node:module';
import { MUTANTS, mutate } from './mutant.ts';

const mutant = MUTANTS.find(({ name }) => name === process.env['WAHOOK_MUTANT']);
if (mutant === undefined) throw new Error('WAHOOK_MUTANT names no mutant');
const broken = mutant;
const target = new URL(`../${broken.file}`, import.meta.url).href;

registerHooks({
  load(url, context, nextLoad) {
    const loaded = nextLoad(url, context);
    if (url !== target) return loaded;
    return { ...loaded, source: mutate(broken, Buffer.from(loaded.source as Uint8Array).toString()) };
  },
});
