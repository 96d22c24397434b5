/** The profiles and what they mean. */
import type { Profile } from '../../kernel/contract/profile.ts'
import { Icon } from '../components/icons.tsx'
import { Facts, PageHeading } from '../components/panels.tsx'
import { profileFacts } from '../components/profile-words.ts'

/** The whole page. */
export function ProfilesPage(
  { profiles, canCreate }: { profiles: readonly Profile[]; canCreate: boolean },
) {
  return (
    <>
      <PageHeading
        title='Profiles'
        description='How a source becomes a file. A job may change any of it.'
      />
      <div class='grid gap-5 md:grid-cols-2 xl:grid-cols-3'>
        {profiles.map((profile) => (
          <section class='card scroll-mt-20 target:ring-2 target:ring-brand' id={profile.name}>
            <header>
              <h2 class='font-mono'>{profile.name}</h2>
              <p>{profile.description}</p>
            </header>
            <section class='flex-1'>
              <Facts facts={profileFacts(profile)} />
            </section>
            {canCreate && (
              <footer>
                <a
                  class='btn'
                  data-variant='outline'
                  data-size='sm'
                  href={`/jobs/new?profile=${profile.name}`}
                >
                  <Icon name='plus' />
                  New job
                </a>
              </footer>
            )}
          </section>
        ))}
      </div>
    </>
  )
}
