/** What the server's planner is told, alike on both adapters. */

/**
 * Every statement of ours finds its rows through an index, a few at a time. But its plan is made when it is first prepared, while
 * the tables are small and a scan is cheapest, and it is kept while they grow: a batch that takes 2 ms then takes 30. So the ways
 * that read whole tables are off; where there is no index, they are still taken.
 *
 * A way that is off and still taken costs so much on paper that PostgreSQL compiles the plan, every time: a claim of 2 ms took
 * 340. Statements as short as ours never gain from that.
 */
export const plannerSettings = {
  enable_seqscan: 'off',
  enable_hashjoin: 'off',
  enable_mergejoin: 'off',
  jit: 'off',
} as const
