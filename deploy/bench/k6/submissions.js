/** k6: a flood of job submissions, 100 a second for a minute. `k6 run -e WEBENCODE_URL=… -e WEBENCODE_TOKEN=… -e SOURCE_URL=… submissions.js` */
import { check } from 'k6'
import http from 'k6/http'

export const options = {
  scenarios: {
    submissions: {
      executor: 'constant-arrival-rate',
      exec: 'submit',
      rate: 100,
      timeUnit: '1s',
      duration: '60s',
      preAllocatedVUs: 50,
      maxVUs: 200,
    },
  },
  thresholds: {
    checks: ['rate==1'],
    dropped_iterations: ['count==0'],
    http_req_duration: ['p(99)<=250'],
  },
}

/** Submits one job. */
export function submit() {
  const body = JSON.stringify({ source_url: __ENV.SOURCE_URL, profile: '480p_fast' })
  const response = http.post(`${__ENV.WEBENCODE_URL}/v1/jobs`, body, {
    headers: {
      authorization: `Bearer ${__ENV.WEBENCODE_TOKEN}`,
      'content-type': 'application/json',
    },
  })
  check(response, { accepted: ({ status }) => status === 201 })
}
