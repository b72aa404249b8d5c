"""Tables in the shapes that other programs write."""

from .harness import BCRYPT, PASSWORD
from .vendor_file import VendorFile, as_text

_PHPASS = "$P$BDMJH/qCLaUc5Lj8Oiwp7XmWzrCcJ21"
_UNNAMED = "there are no names of columns, but values such as 'ada@example.org'"

TABLES = [
    VendorFile(
        "okta.csv",
        as_text(
            "login,firstName,lastName,email,secondEmail,status",
            "ada@example.org,Ada,Byron,ada@example.org,,PASSWORD_EXPIRED",
            "ben@example.org,Ben,Abel,ben@example.org,,DEPROVISIONED",
        ),
    ),
    VendorFile(
        "entra-template.csv",
        as_text(
            "version:v1.0,,,",
            "Name [displayName] Required,User name [userPrincipalName] Required,Initial password [passwordProfile] "
            "Required,Block sign in (Yes/No) [accountEnabled]",
            f"Ada Byron,ada@example.org,{PASSWORD},No",
            f"Ben Abel,ben@example.org,{PASSWORD},Yes",
        ),
    ),
    VendorFile(
        "entra-users.csv",
        as_text(
            "\ufeffuserPrincipalName,displayName,mail,id,userType,accountEnabled",
            "ada@example.org,Ada Byron,ada.byron@example.org,8f2c,Member,TRUE",
            "ben_partner.example#EXT#@corp.onmicrosoft.com,Ben,ben@partner.example,9a,Guest,FALSE",
        ),
    ),
    VendorFile(
        "canvas.csv",
        as_text(
            "user_id,login_id,first_name,full_name,email,status",
            "011,ada,Ada,Ada Byron,ada.byron@example.org,active",
            "012,ben,Ben,Ben Abel,ben.abel@example.org,deleted",
        ),
    ),
    VendorFile(
        "staff-list.csv",
        as_text(
            "Personalliste;;;",
            "Name;E-Mail geschäftlich;Kennung;Gesperrt",
            "Byron;ada@example.org;ada;nein",
            "Groß;ben@example.org;ben;ja",
            encoding="cp1252",
        ),
    ),
    VendorFile(
        "managers.csv",
        as_text("login,Manager address", "ada,ben@example.org", "ben,ben@example.org"),
        people="",
        said=("the column 'email' is missing",),
    ),
    VendorFile(
        "microsoft-365.csv",
        as_text(
            "\ufeffBlock credential,City,Display name,Object Id,Proxy addresses,State,Title,User principal name",
            "False,,Ada Byron,8f2c,SMTP:ada@example.org+smtp:a@example.org,,,ada@example.org",
            "True,,Ben,9a,SMTP:ben@example.org,,,ben@example.org",
        ),
    ),
    VendorFile(
        "okta-profiles.csv",
        as_text(
            "login,firstName,email,displayName,city,state,zipCode,groups",
            "ada@example.org,Ada,ada@example.org,Ada Byron,,,,",
            "ben@example.org,Ben,ben@example.org,Ben,,NY,,",
        ),
        people="ada ben",
    ),
    VendorFile(
        "google.csv",
        as_text(
            "First Name [Required],Email Address [Required],Password [Required],Org Unit Path [Required],"
            "Status [READ ONLY],Recovery Email,Employee ID",
            "Ada,ada@example.org,****,/Sales,Active,,E1",
            "Ben,ben@example.org,****,/,Suspended,ben@home.example,",
        ),
        said=("'Password [Required]' is not read as password: it holds no passwords.",),
    ),
    VendorFile(
        "powershell.csv",
        as_text(
            "#TYPE Microsoft.ActiveDirectory.Management.ADUser",
            '"Enabled","Name","ObjectClass","SamAccountName","UserPrincipalName","mail"',
            '"True","Ada Byron","user","ada","ada@corp.example","ada@corp.example"',
            '"False","Ben","user","ben","ben@corp.example","ben@corp.example"',
            '"True","Cy","user","cy","cy@corp.example",""',
        ),
        failed=1,
        said=("1 of the 3 rows is refused.", "line 5: The row has no e-mail address."),
    ),
    VendorFile(
        "csvde.csv",
        as_text(
            "DN,objectClass,sAMAccountName,mail,userAccountControl,memberOf",
            '"CN=Ada,DC=corp,DC=example",user,ada,ada@corp.example,66048,"CN=VPN,OU=IT,DC=corp;CN=Ads,DC=corp"',
            '"CN=Ben,DC=corp,DC=example",user,ben,ben@corp.example,514,',
        ),
    ),
    VendorFile(
        "csvde-of-all.csv",
        as_text(
            "DN,objectClass,sAMAccountName,mail,userAccountControl",
            '"CN=Ada,DC=corp,DC=example",user,ada,ada@corp.example,512',
            '"CN=Ben,DC=corp,DC=example",user,ben,ben@corp.example,514',
            '"CN=My Group,DC=corp,DC=example",group,My Group,,',
            '"CN=PC1,DC=corp,DC=example",computer,PC1$,,4096',
        ),
        failed=2,
        said=(
            "Rows are not only users, but also computer, group, which would be imported as users",
            "2 of the 4 rows are refused.",
            "2 rows: The user name is not allowed (lines 4-5).",
        ),
    ),
    VendorFile(
        "leavers.csv",
        as_text("Kennung,E-Mail,Austritt", "ada,ada@example.org,", "ben,ben@example.org,31.12.2024"),
        people="ada ben",
        said=("'Austritt' is not read as is_active: it may say who is active; without it all users are active.",),
    ),
    VendorFile(
        "csvde-expired.csv",
        as_text(
            "DN,sAMAccountName,mail,userAccountControl,accountExpires",
            '"CN=Ada,DC=corp,DC=example",ada,ada@corp.example,66048,9223372036854775807',
            '"CN=Ben,DC=corp,DC=example",ben,ben@corp.example,512,129000000000000000',
            '"CN=Cy,DC=corp,DC=example",cy,cy@corp.example,512,0',
            '"CN=Dee,DC=corp,DC=example",dee,dee@corp.example,512,209000000000000000',
        ),
        people="ada -ben cy dee",
    ),
    VendorFile(
        "entra-de.csv",
        as_text(
            "Anzeigename;Benutzerprinzipalname;Benutzertyp;Konto aktiviert;E-Mail",
            "Jürgen Groß;ada@example.org;Mitglied;Wahr;ada@example.org",
            "Zoë Müller;ben@example.org;Mitglied;Falsch;ben@example.org",
            encoding="cp1252",
            end="\r\n",
        ),
    ),
    VendorFile(
        "phpbb.csv",
        as_text(
            "user_id;user_type;username;user_password;user_email;user_inactive_reason",
            f"2;3;ada;{_PHPASS.replace('$P$', '$H$')};ada@example.org;0",
            f"3;1;ben;{BCRYPT.replace('$2b', '$2y')};ben@example.org;3",
        ),
        people="ada ben",
        said=("'user_inactive_reason' is not read as is_active: it may say who is active; without it all users are",),
    ),
    VendorFile("firebase.csv", as_text("1,ada@example.org,true,c2VjcmV0,c2FsdA==,Ada,,"), people="", said=(_UNNAMED,)),
    VendorFile(
        "wordpress.csv",
        as_text(
            "ID,user_login,user_pass,user_email,user_status,display_name",
            f"1,ada,{_PHPASS},ada@example.org,0,Ada Byron",
            f"2,ben,{_PHPASS},ben@example.org,0,Ben",
            f"3,Cy Coe,{_PHPASS},cy@example.org,0,Cy",
        ),
        people="ada ben",
        failed=1,
        said=(
            "'user_status' is not read as is_active: '0' may mean either; without it all users are active.",
            "1 of the 3 rows is refused.",
            "line 4: The user name 'Cy Coe' is not allowed.",
        ),
    ),
    VendorFile(
        "wp-cli.csv",
        as_text(
            "ID,user_login,display_name,user_email,roles",
            "1,ada,Ada Byron,ada@example.org,administrator",
            '2,ben,Ben,ben@example.org,"editor,shop_manager"',
        ),
        people="ada ben",
    ),
    VendorFile(
        "discourse.csv",
        as_text(
            "id,name,username,email,created_at,trust_level,approved,blocked,active,admin,group_names",
            "1,Ada Byron,ada,ada@example.org,2020-01-01 00:00:00 UTC,2,true,false,true,true,staff;trust_level_0",
            "2,Ben,ben,ben@example.org,2020-01-01 00:00:00 UTC,1,true,true,true,false,",
        ),
    ),
    VendorFile(
        "nextcloud.csv",
        as_text(
            "uid;display_name;email;groups;quota;enabled",
            "ada;Ada Byron;ada@example.org;admin,users;5 GB;true",
            "ben;Ben;ben@example.org;users;none;false",
        ),
    ),
    VendorFile(
        "moodle.csv",
        as_text("username,password,firstname,email,cohort1", "ada,Ada!12345,Ada,ada@example.org,c1"),
        people="ada",
        said=("The password has 9 characters", "All passwords are refused, so these users are invited."),
    ),
    VendorFile(
        "moodle-de.csv",
        as_text(
            "username;firstname;email;suspended;city",
            "ada;Ada;ada@example.org;0;Köln",
            "ben;Ben;ben@example.org;1;Ulm",
            encoding="cp1252",
        ),
    ),
    VendorFile(
        "slack.csv",
        as_text(
            "username,email,status,billing-active,userid,fullname",
            "ada,ada@example.org,Primary Owner,1,U1,Ada Byron",
            "ben,ben@example.org,Deactivated,0,U2,Ben",
        ),
        people="ada ben",
        said=("'status' is not read as is_active: 'Primary Owner' is neither true nor false; without it all users",),
    ),
    VendorFile(
        "cognito.csv",
        as_text(
            "name,email,email_verified,phone_number,cognito:mfa_enabled,cognito:username",
            "Ada Byron,ada@example.org,TRUE,,FALSE,ada",
            "Ben,ben@example.org,FALSE,,FALSE,ben",
        ),
        people="ada ben",
    ),
    VendorFile(
        "jira.csv",
        as_text(
            "User id,User name,email,User status,Org role",
            "5b1,Ada Byron,ada@example.org,Active,Org Admin",
            "5b2,Ben Abel,ben@example.org,Deactivated,None",
        ),
    ),
    VendorFile(
        "devise.csv",
        as_text(
            "id,email,encrypted_password,sign_in_count,confirmed_at,deleted_at",
            f"1,ada@example.org,{BCRYPT},3,2024-01-01 00:00:00,",
            f"2,ben@example.org,{BCRYPT},0,,2024-01-01 00:00:00",
        ),
    ),
    VendorFile(
        "laravel.csv",
        as_text(
            "id,name,email,email_verified_at,password,remember_token",
            f"1,Ada,ada@example.org,2024-01-01 00:00:00,{BCRYPT.replace('$2b', '$2y')},",
            f"2,Ben,ben@example.org,,{BCRYPT.replace('$2b', '$2y')},",
        ),
        people="ada ben",
    ),
    VendorFile("one-column.csv", as_text("email", "ada@example.org", "ben@example.org"), people="ada ben"),
    VendorFile("addresses.csv", as_text("ada@example.org", "ben@example.org"), people="", said=(_UNNAMED,)),
    VendorFile("headerless.csv", as_text("ada,ada@example.org,Ada"), people="", said=(_UNNAMED,)),
    VendorFile(
        "quotes.csv",
        as_text('"username","email","notes"', '"ada","ada@example.org","says ""hi""', 'there"', '"ben","b@x.org",""'),
        people="ada ben",
    ),
    VendorFile(
        "totals.csv",
        as_text("Staff 2024,,", ",,", "Login,E-mail,Unit", "ada,ada@example.org,S", "ben,b@x.org,I", ",,", "Total,2,"),
        people="ada ben",
        failed=1,
        said=("1 of the 3 rows is refused.", "line 7: '2' is not a valid e-mail address."),
    ),
    VendorFile(
        "psql.txt",
        as_text(
            " username |      email      | is_active ",
            "----------+-----------------+-----------",
            " ada      | ada@example.org | t",
            " ben      | ben@example.org | f",
            "(2 rows)",
        ),
        failed=2,
        said=("2 of the 4 rows are refused.", "2 rows: The row has 1 fields, the header 3 (lines 2, 5)."),
    ),
]
"""Tables of programs."""
