//! The plots: beats in order, each with alternative lines. `stories` fills in the placeholders.

/// A beat; one of its lines is used. An empty line skips the beat.
type Beat = &'static [&'static str];

/// First lines of a story.
pub const OPENINGS: Beat = &[
    "{time}, {hero} the {kind} was {place}. {He} was a {temper} {kind}.",
    "Once there was a {temper} {kind} called {hero}. {He} lived {place}.",
    "{hero} was a {temper} {kind} who lived {place}.",
    "There once lived a {kind} {place}. {His} name was {hero}, and {he} was very {temper}.",
    "{time}, a {temper} {kind} named {hero} woke up {place}.",
];

pub const SKIES: Beat = &[
    "It was a {weather} day.",
    "The day was {weather}, and nobody was in a hurry.",
    "The sky was {weather}, as so often {place}.",
    "",
    "",
];

/// Last lines of a story.
pub const ENDINGS: Beat = &[
    "From that day on, {hero} and {friend} were the best of friends.",
    "{hero} learned that {lesson}.",
    "That night {hero} slept well {place}, and {he} was {joy}.",
    "\"Now I know that {lesson},\" said {hero}.",
    "{hero} and {friend} laughed, and then they went home.",
    "And so the {temper} {kind} learned that {lesson}.",
];

pub const PLOTS: [&[Beat]; 10] = [
    // Something is lost and found.
    &[
        &[
            "{He} had {athing}, and {he} took it everywhere.",
            "The thing {he} loved most was {athing}.",
            "{His} grandmother had given {him} {athing}.",
        ],
        &[
            "But {when} the {noun} was gone.",
            "Then something bad happened: {hero} lost the {thing}.",
            "But {when} {he} could not find the {noun} anywhere.",
        ],
        &[
            "{hero} was very {sorrow}.",
            "\"Where is my {noun}?\" cried {hero}.",
            "{He} looked {place2}, but it was not there.",
        ],
        &[
            "{He} met {friend}, a {temper2} {fkind}. \"Have you seen {athing}?\" {he} asked.",
            "A {fkind} named {friend} came along. \"Why are you so {sorrow}?\" {fhe} asked.",
        ],
        &[
            "\"I lost my {thing},\" said {hero}. \"Let us look for it together,\" said {friend}.",
            "\"I saw something {adj} {place3},\" said {friend}.",
            "{friend} thought for a while. \"We should look {place3},\" {fhe} said.",
        ],
        &[
            "So they went to look {place3}.",
            "They walked until they were {place3}.",
            "Together they searched {place3}.",
        ],
        &[
            "There lay the {adj} {noun}!",
            "And there it was: the {noun}, as {adj} as ever.",
            "{friend} found the {thing} there and gave it to {hero}.",
        ],
        &[
            "\"Thank you, {friend}!\" said {hero}. {He} was {joy}.",
            "{hero} was {joy}. \"You found my {noun}!\" {he} said.",
        ],
    ],
    // Counting food and sharing it.
    &[
        &[
            "{He} had {n} {foods}.",
            "In {his} basket there were {n} {foods}.",
            "{hero} picked {n} {foods} {place2}.",
        ],
        &["On the way {he} met {friend}, a {temper2} {fkind}.", "Then {friend} the {fkind} came by."],
        &[
            "{friend} was hungry. \"I have nothing to eat,\" {fhe} said.",
            "\"May I have some {foods}?\" asked {friend}. \"I am so hungry.\"",
        ],
        &[
            "{hero} gave {fhim} {m} of the {n} {foods}.",
            "\"Here, take {m},\" said {hero}, and {he} gave {m} {foods} to {friend}.",
        ],
        &[
            "Now {hero} had {k} {foods} left.",
            "{n} less {m} is {k}, so {k} were left in the basket.",
            "So {hero} kept {k} {foods}.",
        ],
        &[
            "{friend} was {joy} and ate all of them.",
            "\"You are a {temper} {kind},\" said {friend}, and {fhe} was {joy}.",
            "They sat down {place2} and ate together.",
        ],
        &[
            "The next day {friend} brought {athing} as a gift.",
            "Later {friend} gave {hero} {athing} to say thank you.",
            "",
        ],
    ],
    // A storm and a shelter.
    &[
        &[
            "{hero} and {friend} the {fkind} were walking {place2}.",
            "{He} went out with {friend}, a {temper2} {fkind}.",
        ],
        &[
            "They carried {athing} with them.",
            "{friend} had brought {athing}.",
            "In {his} bag {hero} had {athing}.",
        ],
        &[
            "Suddenly the wind began to blow.",
            "Then dark clouds came, and it began to rain.",
            "All at once there was thunder.",
        ],
        &[
            "\"I am {sorrow},\" said {friend}.",
            "{friend} was {sorrow} and held on to {hero}.",
            "{hero} was {sorrow}, but {he} did not say so.",
        ],
        &["\"We must find a dry place,\" said {hero}.", "\"Follow me!\" said {hero}. \"I know a place.\""],
        &[
            "They ran and hid {place3}.",
            "They found a dry place {place3}.",
            "They waited for the storm to end {place3}.",
        ],
        &[
            "To keep warm, they used the {thing}.",
            "They put the {noun} between them and told stories.",
            "{hero} looked at the {adj} {noun} and was not {sorrow} any more.",
        ],
        &[
            "When the rain stopped, they came out from their hiding place.",
            "After an hour the sun came back.",
            "Soon the storm was over.",
        ],
        &[
            "They still had the {noun}, and they were {joy}.",
            "\"That was a great adventure,\" said {friend}.",
            "Nobody was hurt, and even the {noun} was dry.",
        ],
    ],
    // A race for a prize.
    &[
        &[
            "{hero} could run very fast.",
            "Everybody knew that {hero} was the fastest {kind} of all.",
            "{hero} liked to run more than anything.",
        ],
        &[
            "\"Let us race!\" said {friend} the {fkind}.",
            "{friend}, a {temper2} {fkind}, wanted to race with {him}.",
        ],
        &[
            "The winner was to get {athing}.",
            "\"Whoever wins gets my {thing},\" said {helper}.",
            "{helper} gave {athing} as the prize.",
        ],
        &[
            "They were to run from the start {place2} to the flag {place3}.",
            "The race began {place2} and went on until the flag {place3}.",
        ],
        &["\"One, two, three, go!\" called {helper}.", "{helper} rang a bell, and off they went.", ""],
        &[
            "{hero} was ahead at first.",
            "At first {hero} was much faster than {friend}.",
            "Soon {hero} could not even see {friend}.",
        ],
        &[
            "But {he} stopped to rest and fell asleep.",
            "But {he} fell over a root and hurt {his} foot.",
            "But {he} took the wrong path.",
        ],
        &[
            "{friend} went on and on and reached the flag {place3}.",
            "{friend} did not stop. {Fhe} came to the flag first.",
        ],
        &[
            "So {friend} won the {thing}.",
            "The {noun} was for {friend}, who was {joy}.",
            "{helper} gave the {adj} {noun} to {friend}.",
        ],
        &[
            "\"You ran well,\" said {hero}.",
            "{hero} was {sorrow} at first, but then {he} shook hands with {friend}.",
            "\"Next time I will not stop,\" said {hero}.",
        ],
    ],
    // A trade of one thing for another.
    &[
        &[
            "{hero} had {athing}, but {he} wanted {bthing}.",
            "{He} owned {athing}. What {he} really wished for was {bthing}.",
        ],
        &["So {he} went to see {helper} {place2}.", "So {he} walked to {helper}, who worked {place2}."],
        &[
            "\"Do you want my {noun}?\" {he} asked. \"I would like {bthing} for it.\"",
            "\"Will you trade {bthing} for my {thing}?\" asked {hero}.",
        ],
        &[
            "\"I have no {bnoun},\" said {helper}. \"But {friend} the {fkind} has one.\"",
            "{helper} shook his head. \"Go and ask {friend} the {fkind},\" he said.",
        ],
        &["{hero} found {friend} {place3}.", "{friend} was {place3}, as always."],
        &[
            "\"What a fine {adj} {noun}!\" said {friend}.",
            "{friend} looked at the {noun} for a long time.",
            "\"I have always wanted {athing},\" said {friend}.",
        ],
        &[
            "They made the trade. Now {friend} had the {noun}, and {hero} had the {bnoun}.",
            "{hero} gave away the {noun} and got the {badj} {bnoun}.",
        ],
        &[
            "{hero} was {joy} with the {badj} {bnoun}.",
            "\"This {bnoun} is just what I wanted,\" said {hero}.",
            "Both of them were {joy}.",
        ],
    ],
    // A meal for a guest.
    &[
        &[
            "{He} wanted to make {dish}.",
            "\"Today I will make {dish},\" said {hero}.",
            "{helper} had asked {him} to make {dish}.",
        ],
        &["For that {he} needed {n} {foods}.", "It takes {n} {foods} to make it."],
        &[
            "But {he} had only {m}.",
            "{He} looked and found only {m} {foods}.",
            "In the kitchen there were only {m} {foods}.",
        ],
        &[
            "\"I need {k} more,\" {he} said.",
            "So {k} {foods} were missing.",
            "{He} counted again: {k} more were needed.",
        ],
        &[
            "{He} asked {friend}, a {temper2} {fkind} who lived {place2}.",
            "{friend} the {fkind} was at the door. {Fhe} had come to visit.",
        ],
        &[
            "\"I have {k} {foods} {place3},\" said {friend}.",
            "\"You can have {k} of mine,\" said {friend}.",
            "{friend} looked {place3} and came back with {k} {foods}.",
        ],
        &[
            "They cooked together all day.",
            "{hero} stirred and {friend} tasted.",
            "They put everything into {athing2} pot.",
        ],
        &["Soon it was ready, and it smelled very good.", "When it was ready, they called {helper}."],
        &[
            "They ate {dish} until they were full.",
            "Everybody said that there was nothing better.",
            "{friend} was {joy} and asked for more.",
        ],
    ],
    // A secret that is revealed.
    &[
        &[
            "{hero} had a secret. {place2cap}, {he} had hidden {athing}.",
            "Nobody knew that {hero} kept {athing} {place2}.",
        ],
        &[
            "{friend}, a {temper2} {fkind}, asked, \"What are you hiding?\"",
            "One day {friend} the {fkind} saw {him} there.",
        ],
        &[
            "\"Nothing,\" said {hero}. That was not true.",
            "{hero} did not want to tell.",
            "\"I cannot say it,\" said {hero}.",
        ],
        &[
            "{friend} was {sorrow}. \"Friends tell each other the truth,\" {fhe} said.",
            "Then {friend} was {sorrow} and went away.",
        ],
        &["{hero} felt {sorrow}.", "All night {hero} thought about it.", "{hero} could not sleep."],
        &[
            "In the morning {he} went to {friend}. \"Come with me,\" {he} said.",
            "At last {he} said, \"I am sorry. I will show you.\"",
        ],
        &["They went {place2together}.", "{He} took {fhim} to the place {place2}."],
        &[
            "There {he} showed {fhim} the {thing}.",
            "\"This is my {noun},\" said {hero}. \"It is {adj}, you see.\"",
        ],
        &[
            "\"It is beautiful,\" said {friend}.",
            "\"What a {adj} {noun}!\" said {friend}. {Fhe} was {joy}.",
            "\"Thank you for telling me,\" said {friend}.",
        ],
    ],
    // Something is broken and repaired.
    &[
        &[
            "{friend} the {fkind} had {athing}.",
            "{hero} borrowed {athing} from {friend}, a {temper2} {fkind}.",
        ],
        &["{hero} wanted to play with it {place2}.", "{He} carried it carefully {place2}."],
        &["But {he} fell, and the {noun} broke.", "But the {noun} was too heavy. It fell down and broke."],
        &["\"Oh no!\" said {hero}. {He} was {sorrow}.", "{hero} was {sorrow}. What would {friend} say?"],
        &["{He} took the pieces to {helper}.", "{He} ran to {helper}, who worked {place3}."],
        &[
            "\"Can you mend this {noun}?\" {he} asked.",
            "\"Please help me. It belongs to {friend},\" said {hero}.",
        ],
        &[
            "\"It will cost {n} coins,\" said {helper}. {hero} had only {m}.",
            "{helper} wanted {n} coins, but {hero} had {m} coins in {his} pocket.",
        ],
        &[
            "So {he} worked {place3} until {he} had the other {k}.",
            "{He} helped {helper} all day for the other {k} coins.",
        ],
        &["Then {helper} mended it.", "In the evening the {noun} was whole again."],
        &[
            "{hero} brought the {thing} back and told {friend} everything.",
            "\"Here is your {noun},\" {he} said. \"I broke it, but {helper} mended it.\"",
        ],
        &[
            "{friend} was not angry. \"It is even better than before,\" {fhe} said.",
            "\"Thank you for telling the truth,\" said {friend}.",
        ],
    ],
    // A game with a new friend.
    &[
        &[
            "{hero} wanted to play {game}, but {he} had nobody to play with.",
            "{hero} was {sorrow} because nobody wanted to play {game}.",
        ],
        &[
            "{place2cap}, {he} saw a {fkind} with {athing}.",
            "Then {he} heard a noise {place2}. It was a {fkind} with {athing}.",
        ],
        &[
            "\"What is your name?\" asked {hero}. \"My name is {friend},\" said the {fkind}.",
            "\"I am {friend},\" said the {fkind}. \"Who are you?\"",
        ],
        &["\"Do you want to play {game}?\" asked {hero}.", "\"Can you play {game}?\" asked {hero}."],
        &[
            "\"I do not know how to play {game},\" said {friend}. \"But I can learn.\"",
            "\"Yes, please!\" said {friend}.",
            "\"Only if you let me win,\" said {friend}.",
        ],
        &[
            "{friend} put down the {noun}, and they played {game} all day.",
            "They played {game} {place2} until it was dark.",
        ],
        &["{hero} won {n} times and {friend} won {m} times.", "They stopped after {n} games.", ""],
        &[
            "When it was time to go, {friend} forgot the {noun}. {hero} ran after {fhim} with it.",
            "\"Do not forget your {thing}!\" called {hero}.",
        ],
        &[
            "\"Let us play again tomorrow,\" said {friend}.",
            "\"Tomorrow we will play {game} again,\" they said.",
        ],
    ],
    // An object to deliver.
    &[
        &[
            "{helper} gave {hero} {athing}. \"Take it to {friend} the {fkind},\" he said.",
            "\"Please take this {thing} to {friend} the {fkind},\" said {helper}.",
        ],
        &["\"{Fhe} lives {place3}.\"", "\"You will find {fhim} {place3}.\""],
        &[
            "{hero} put the {noun} into {his} bag and went off.",
            "{hero} took the {adj} {noun} and said goodbye to {helper}.",
        ],
        &["The way was long, and {place2} {he} had to stop.", "After {n} hours {he} came to a bridge."],
        &[
            "There {he} met a stranger. \"Give me that {noun},\" said the stranger.",
            "There {he} was so tired that {he} wanted to leave the {noun} behind.",
        ],
        &[
            "\"No,\" said {hero}. \"It is for {friend}.\"",
            "\"I promised it to {helper},\" {he} said to {himself}, and {he} went on.",
        ],
        &["At last {he} was {place3}.", "In the evening {he} saw a light {place3}."],
        &[
            "\"Are you {friend}?\" {he} asked. \"This {noun} is from {helper}.\"",
            "{friend} opened the door. {hero} gave {fhim} the {thing}.",
        ],
        &[
            "\"I have waited so long for this {noun}!\" said {friend}. {Fhe} was {joy}.",
            "{friend} was {joy} and gave {him} {m} {foods}.",
        ],
    ],
];
