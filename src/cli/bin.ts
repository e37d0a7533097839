#!/usr/bin/env node
/**
 * The program: turns on Node's compile cache, then loads the command line. Node 20 has no such cache.
 * @module
 */
const module = process.getBuiltinModule('node:module') as { readonly enableCompileCache?: () => unknown };
module.enableCompileCache?.();
void import('./main.ts').then(({ run }) => run());
