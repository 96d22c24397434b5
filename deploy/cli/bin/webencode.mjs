#!/usr/bin/env node
/** The command `webencode`: what the build made of `deploy/cli.ts`. */
import '../../../dist/deploy/cli.js'
