#!/usr/bin/env node
/**
 * The program: turns on Node's compile cache, then loads the command line. Node 20 has no such cache.
 * @module
 */
import module from 'node:module';

(module as { readonly enableCompileCache?: () => unknown }).enableCompileCache?.();
void import('./main.ts').then(({ run }) => run());
