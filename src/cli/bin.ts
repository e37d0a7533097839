#!/usr/bin/env node
/**
 * The program: loads the command line, with the code that an earlier run has compiled.
 * @module
 */
import { useCodeCache } from './code-cache.ts';

useCodeCache(import.meta.dirname);
void import('./main.ts').then(({ run }) => run());
