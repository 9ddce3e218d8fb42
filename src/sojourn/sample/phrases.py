"""Phrases for progress notes, in our own words; the grammar that joins them is in notes.py."""

from __future__ import annotations

# Fields: {n} name, {they} {them} {their} pronouns, {They} {Their} at the start, {topic} the group's topic,
# {goal} a goal, {phq} a score. Verbs are in the past so that every pronoun fits.

Bank = tuple[str, ...]

OPENINGS: dict[str, Bank] = {
    "better": (
        "{n} arrived on time and spoke with more energy than at the last visit.",
        "{n} said the week had gone better than expected.",
        "{n} described three good days in a row, the longest stretch in months.",
        "{n} came in smiling and wanted to share that sleep had improved.",
        "{n} noticed feeling lighter in the mornings.",
        "{n} reported fewer urges and more patience at home.",
        "{n} said friends had started to notice a change.",
        "{n} brought the written plan from last time and had followed most of it.",
        "{n} said that mornings, once the hardest part of the day, felt manageable.",
        "{n} reported eating regularly and taking short walks.",
    ),
    "same": (
        "{n} said things were about the same since the last visit.",
        "{n} described an uneven week with good and hard days.",
        "{n} was quiet at first and warmed up over the session.",
        "{n} said the week was busy and left little room to practice skills.",
        "{n} reported sleeping about five hours a night.",
        "{n} kept all appointments this week and asked what to try next.",
        "{n} described worry in the evenings, mostly about money and family.",
        "{n} reported steady mood with some irritability after work.",
        "{n} said motivation came and went.",
        "{n} spoke about feeling stuck but still wanting change.",
    ),
    "worse": (
        "{n} said this had been a hard week.",
        "{n} looked tired and reported poor sleep since the weekend.",
        "{n} described feeling low most days and pulling away from others.",
        "{n} reported more worry, with a tight chest in the evenings.",
        "{n} spoke about an argument that had been on {their} mind for days.",
        "{n} shared that urges had been stronger since Friday.",
        "{n} said it took effort to come in today and was thanked for coming.",
        "{n} was tearful while talking about a recent loss.",
        "{n} reported missing two days of work.",
        "{n} described old memories coming back at night.",
    ),
}

THEMES: dict[str, Bank] = {
    "sud": (
        "Talked through the chain of events that led to the last strong urge.",
        "Listed places and people that make use more likely and planned around two of them.",
        "Practiced how to answer a friend who offers to use together.",
        "Reviewed the recovery plan and updated the list of people to call.",
        "Looked at how pain and poor sleep feed into urges.",
        "Explored what {they} valued before substances took so much room.",
        "Discussed medication: {they} understood how it works and what missing doses can do.",
        "Went over overdose risk after a break in use; {n} had naloxone at home.",
        "Worked on a letter to a family member, to be sent only when ready.",
        "Weighed the good and the less good sides of change, in {their} own words.",
        "Planned the weekend hour by hour, with two sober activities.",
        "Talked about court, work and how to be open about treatment without telling everything.",
    ),
    "mh": (
        "Looked at the thought 'I let everyone down' and tested it against the facts of the week.",
        "Planned two small activities that used to bring some pleasure.",
        "Practiced slow breathing and a grounding exercise in the room.",
        "Sorted worries into those with a next step and those to be parked until worry time.",
        "Reviewed the sleep diary; agreed to keep the phone out of the bedroom.",
        "Explored how {they} learned to put others first, and what that costs now.",
        "Rehearsed how to ask a supervisor for a schedule change.",
        "Talked about grief and the first birthday without {their} parent.",
        "Built one more step of the exposure ladder: a short drive with a friend.",
        "Named early signs of a dip and who could help notice them.",
        "Discussed medication effects: less restlessness, some dry mouth.",
        "Reviewed the safety plan and changed one contact number.",
    ),
}

METHODS: Bank = (
    "Used motivational interviewing and reflective listening.",
    "Used cognitive behavioral methods with a written worksheet.",
    "Used supportive counseling and problem solving.",
    "Used behavioral activation with a weekly calendar.",
    "Used skills from dialectical behavior therapy for distress tolerance.",
    "Used psychoeducation and teach-back.",
    "Used relapse prevention planning.",
    "Used strengths-based and solution-focused questions.",
    "Used grounding and paced breathing in session.",
)

RESPONSES: dict[str, Bank] = {
    "better": (
        "{They} engaged well and came up with own examples.",
        "{They} named two things that had helped and why.",
        "{They} left with a clear plan and said it felt doable.",
        "{They} laughed at one point and said that felt unfamiliar but good.",
        "{They} connected the skill to the goal: {goal_quote}.",
        "{They} asked thoughtful questions and took notes.",
    ),
    "same": (
        "{They} took part when asked and agreed to try one step.",
        "{They} had mixed feelings about the plan and said so openly.",
        "{They} stayed with the exercise although it felt awkward.",
        "{They} agreed that the goal still fits: {goal_quote}.",
        "{They} needed some time, then named what gets in the way.",
        "{They} was able to say what would make next week a little easier.",
    ),
    "worse": (
        "{They} found it hard to concentrate, so the plan was kept short.",
        "{They} accepted support and agreed to an extra contact this week.",
        "{They} was open about the setback and wanted to keep going.",
        "{They} said that talking helped somewhat.",
        "{They} agreed to call before the hard moment rather than after.",
        "{They} asked that a family member be included next time.",
    ),
}

MENTAL_STATE: dict[str, Bank] = {
    "better": (
        "Mood brighter, affect fuller, thinking clear and goal directed.",
        "Calm and well groomed; speech normal; insight good.",
        "Alert, oriented, eye contact good, mood described as 'pretty good'.",
        "Affect reactive, sleep and appetite improved, attention intact.",
    ),
    "same": (
        "Alert and oriented; mood 'okay', affect somewhat narrow; thinking clear.",
        "Cooperative, speech soft, mood anxious at times, insight fair.",
        "Neatly dressed; attention fair; no unusual thoughts.",
        "Mood up and down, affect in keeping with the topic, judgment fair.",
    ),
    "worse": (
        "Mood low, affect flat to tearful, thinking slowed but clear.",
        "Restless, sleep poor, mood anxious, attention reduced.",
        "Speech quiet, eye contact brief, hopeful at moments, insight fair.",
        "Tired; irritable at first, then cooperative; no signs of confusion.",
    ),
}

SAFETY: dict[str, Bank] = {
    "low": (
        "No thoughts of suicide or of harming others.",
        "Asked about suicide: no thoughts, no plan, no intent.",
        "Safety checked; no concerns today.",
        "Reported no thoughts of death or self-harm; knows the crisis line 988.",
    ),
    "watch": (
        "Thoughts of being better off dead on some days, no plan, no intent; safety plan reviewed, follow-up call agreed.",
        "Passive thoughts of not waking up; no plan, no intent; agreed to call 988 or come in; supervisor informed.",
    ),
}

PLANS: dict[str, Bank] = {
    "sud": (
        "Continue weekly counseling; bring the trigger list to the next visit.",
        "Keep medication as ordered; urine screen at next visit.",
        "Attend two recovery meetings before the next session.",
        "Call the case manager about housing on Monday.",
        "Next session: plan for the coming payday.",
        "Share the plan with a support person of {their} choice.",
        "Practice one refusal line aloud each day.",
        "Review goals at the next visit; consider stepping down if stable.",
    ),
    "mh": (
        "Next visit in one to two weeks; repeat questionnaires.",
        "Do the planned activity twice and note mood before and after.",
        "Keep the sleep diary for seven days.",
        "Continue current medication; call if side effects bother.",
        "Take one step of the ladder and write down what happened.",
        "Schedule ten minutes of worry time at five each day.",
        "Invite a family member to a session if still wished.",
        "Review the treatment plan next month.",
    ),
}

GROUP_PART: dict[str, Bank] = {
    "better": (
        "{n} spoke early and gave feedback that others picked up.",
        "{n} shared how the skill had helped this week.",
        "{n} encouraged a newer member and named a next step for {themself}.",
        "{n} led the closing round.",
        "{n} gave a concrete example and asked for feedback.",
    ),
    "same": (
        "{n} listened for most of the session and shared once when invited.",
        "{n} took part in the exercise in a pair.",
        "{n} filled in the worksheet and read one line aloud.",
        "{n} was attentive and nodded along; spoke briefly at check-in.",
        "{n} joined ten minutes late and settled in well.",
    ),
    "worse": (
        "{n} was quiet and kept arms folded, but stayed the whole session.",
        "{n} said the topic was close to home and took a short break with staff.",
        "{n} spoke with feeling about a setback and received support.",
        "{n} had trouble sitting still and used the back of the room.",
        "{n} said little; a check-in after group was arranged.",
    ),
}

GROUP_PLANS: Bank = (
    "Try the skill once before next group.",
    "Bring one example to the next session.",
    "Talk with the individual counselor about what came up.",
    "Use the handout when the next urge or worry comes.",
    "Share one takeaway with a support person.",
    "Continue group as scheduled.",
)

MEDICAL: dict[str, Bank] = {
    "detox": (
        "Withdrawal signs reviewed with nursing; scores {trend}.",
        "Slept {hours} hours; tolerated fluids and light meals.",
        "Tremor and sweating {trend}; no seizure, no confusion.",
        "Comfort medicine used {few} since yesterday.",
        "Nausea {trend}; hydration encouraged.",
    ),
    "sud": (
        "Medication taken as ordered; no sedation, no new side effects.",
        "Urges rated {urge} out of 10 at the worst moment this week.",
        "Dose discussed and left unchanged.",
        "Constipation mild; diet and fluids discussed.",
        "Blood pressure and weight reviewed.",
    ),
    "mh": (
        "Sleep {hours} hours; appetite {appetite}; energy {appetite}.",
        "Medication taken on most days; one or two missed doses.",
        "Side effects: mild nausea in the first week, now settled.",
        "No signs of mania, no unusual thoughts.",
        "Reviewed labs; no changes needed.",
        "Talked about the time the medicine needs to work.",
    ),
}

NURSING: Bank = (
    "Medication given and observed; no distress after thirty minutes.",
    "Vital signs taken; see flow sheet.",
    "Rested in room, joined the evening meal.",
    "Asked for something for sleep; comfort measures tried first, with effect.",
    "Skin warm and dry, gait steady.",
    "Called family from the unit phone, in good spirits afterward.",
    "Drank fluids well; snack taken.",
    "Reminded of the group schedule and orientation to the unit repeated.",
    "Reported muscle aches; warm pack and ordered medicine given.",
    "Belongings list checked with client.",
)

CASE: Bank = (
    "Helped fill in the housing application and gathered two of three documents.",
    "Called the health plan about transportation; rides arranged for the next two weeks.",
    "Went over the food pantry schedule and made a referral.",
    "Spoke with the employer, with signed permission, about a return-to-work date.",
    "Set an appointment with Lakeside Primary Care for a physical.",
    "Worked on a budget for the first month after treatment.",
    "Reviewed options for recovery residences nearby.",
    "Helped reset the account for benefits and uploaded the letter.",
    "Confirmed the court date and how to attend by video.",
)
